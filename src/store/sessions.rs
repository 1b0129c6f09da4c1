//! Who was let in. Sessions begin and end with their events.

use super::{
    database::{Row, Statement},
    open::Store,
};
use crate::domain::{
    failure::{Failure, Result},
    id::GrantId,
    key::PublicKey,
    session::Session,
    time::Timestamp,
};

/// No line of delegations is longer.
pub const DEEPEST: usize = 8;

impl Store {
    /// The session of that id and those that delegated to it, the nearest first, while all of them
    /// live at `now`; none where one of them has ended.
    pub async fn line(&self, id: &GrantId, now: Timestamp) -> Result<Vec<Session>> {
        let mut line: Vec<Session> = Vec::new();
        let mut next = Some(id.clone());
        while let Some(id) = &next {
            let Some(session) = self.live_session(id, now).await? else {
                return Ok(Vec::new());
            };
            if line.len() == DEEPEST {
                return Ok(Vec::new());
            }
            next.clone_from(&session.parent);
            line.push(session);
        }
        Ok(line)
    }

    /// The session that is bound to that key, and whether it was ended.
    pub async fn session_of(&self, holder: PublicKey) -> Result<Option<(Session, bool)>> {
        let select = "select body, ended_at from sessions where holder = $1";
        let select = Statement::new(select, [holder.to_base64url().into()]);
        let rows = self.database.rows(&select).await?;
        let found = |row: &Row| Ok((session(row)?, row.int(1)? != 0));
        rows.first().map(found).transpose()
    }

    async fn live_session(&self, id: &GrantId, now: Timestamp) -> Result<Option<Session>> {
        let select = "select body from sessions where id = $1 and ended_at = 0 and expires_at > $2";
        let values = [id.as_str().into(), now.millis().into()];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        rows.first().map(session).transpose()
    }
}

/// Writes a session as it begins.
pub fn begin(session: &Session) -> Result<Statement> {
    let body = serde_json::to_string(session)
        .map_err(|error| Failure::failed("a session cannot be written").because(&error))?;
    let parent = session.parent.as_ref();
    Ok(Statement::new(
        "insert into sessions
             (id, class, name, parent, expires_at, ended_at, last_used_at, holder, body)
         values ($1, $2, $3, $4, $5, 0, $6, $7, $8)",
        [
            session.id.as_str().into(),
            session.caller.principal.class().as_str().into(),
            session.caller.principal.name().into(),
            parent.map_or("", GrantId::as_str).into(),
            session.expires_at.millis().into(),
            session.created_at.millis().into(),
            session.holder.to_base64url().into(),
            body.into(),
        ],
    ))
}

/// Writes what became known of a session's caller since it began.
pub fn renew(session: &Session, now: Timestamp) -> Result<Statement> {
    let body = serde_json::to_string(session)
        .map_err(|error| Failure::failed("a session cannot be written").because(&error))?;
    Ok(Statement::new(
        "update sessions set body = $2, last_used_at = $3 where id = $1",
        [session.id.as_str().into(), body.into(), now.millis().into()],
    ))
}

/// Holds while no session was ever bound to that key.
pub fn is_unbound(holder: PublicKey) -> Statement {
    Statement::new(
        "select 1 where not exists (select 1 from sessions where holder = $1)",
        [holder.to_base64url().into()],
    )
}

/// Ends a session and all that were delegated from it.
pub fn end(id: &GrantId, now: Timestamp) -> Statement {
    Statement::new(
        "with recursive below (id) as (
             select id from sessions where id = $1
             union select sessions.id from sessions join below on sessions.parent = below.id
         )
         update sessions set ended_at = $2
         where ended_at = 0 and id in (select id from below)",
        [id.as_str().into(), now.millis().into()],
    )
}

/// Holds while the session has not been ended, whatever its time.
pub fn goes_on(id: &GrantId) -> Statement {
    Statement::new(
        "select 1 from sessions where id = $1 and ended_at = 0",
        [id.as_str().into()],
    )
}

fn session(row: &Row) -> Result<Session> {
    serde_json::from_str(row.text(0)?).map_err(|error| {
        Failure::failed("a session in the store cannot be read")
            .because(&error)
            .hint("sign in again")
    })
}
