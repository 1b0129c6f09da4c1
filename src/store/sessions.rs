//! Who was let in. Sessions begin and end with their events.

use super::{
    database::{Row, Statement},
    open::Store,
};
use crate::domain::{
    failure::{Failure, Result},
    id::GrantId,
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
        "insert into sessions (id, class, name, parent, expires_at, ended_at, last_used_at, body)
         values ($1, $2, $3, $4, $5, 0, $6, $7)",
        [
            session.id.as_str().into(),
            session.caller.principal.class().as_str().into(),
            session.caller.principal.name().into(),
            parent.map_or("", GrantId::as_str).into(),
            session.expires_at.millis().into(),
            session.created_at.millis().into(),
            body.into(),
        ],
    ))
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
