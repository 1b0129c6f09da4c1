//! Who was let in. Sessions begin and end with their events.

use super::{
    database::{Row, Statement},
    open::Store,
    principals::Standing,
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
        let line = self.standing_line(id, now).await?;
        Ok(line.into_iter().map(|(session, _)| session).collect())
    }

    /// The same, each with how its caller stands, who may never have been here.
    pub async fn standing_line(
        &self,
        id: &GrantId,
        now: Timestamp,
    ) -> Result<Vec<(Session, Option<Standing>)>> {
        let beyond = i64::try_from(DEEPEST + 1).unwrap_or(i64::MAX);
        let values = [id.as_str().into(), now.millis().into(), beyond.into()];
        let rows = self.database.rows(&Statement::new(LINE, values)).await?;
        let all_live = rows.iter().map(|row| Ok(row.int(0)? == 1));
        let all_live = all_live.collect::<Result<Vec<bool>>>()?;
        let is_whole = match rows.last() {
            Some(last) => last.text(1)?.is_empty(),
            None => false,
        };
        if !is_whole || all_live.contains(&false) || rows.len() > DEEPEST {
            return Ok(Vec::new());
        }
        let hop = |row| Ok((session(row)?, Standing::read(row, 3)?));
        rows.iter().map(hop).collect()
    }

    /// The session that is bound to that key, and whether it was ended.
    pub async fn session_of(&self, holder: PublicKey) -> Result<Option<(Session, bool)>> {
        let select = "select ended_at, parent, body from sessions where holder = $1";
        let select = Statement::new(select, [holder.to_base64url().into()]);
        let rows = self.database.rows(&select).await?;
        let found = |row: &Row| Ok((session(row)?, row.int(0)? != 0));
        rows.first().map(found).transpose()
    }
}

/// The session and those above it, each with whether it lives, its parent, and its caller's standing.
const LINE: &str = "with recursive line (hop, live, parent, body, class, name) as (
        select cast(1 as bigint), case when ended_at = 0 and expires_at > $2 then 1 else 0 end,
            parent, body, class, name
        from sessions where id = $1
        union all
        select line.hop + 1,
            case when sessions.ended_at = 0 and sessions.expires_at > $2 then 1 else 0 end,
            sessions.parent, sessions.body, sessions.class, sessions.name
        from line join sessions on sessions.id = line.parent where line.hop < $3
    )
    select live, parent, line.body, coalesce(attested_at, -1), coalesce(last_seen_at, -1),
        coalesce(disabled_at, -1)
    from line left join principals
        on principals.class = line.class and principals.name = line.name
    order by hop";

/// Writes a session as it begins.
pub fn begin(session: &Session) -> Result<Statement> {
    let body = serde_json::to_string(session)
        .map_err(|error| Failure::failed("a session cannot be written").because(&error))?;
    let parent = session.parent.as_ref();
    Ok(Statement::insert(
        "insert into sessions
             (id, class, name, parent, expires_at, ended_at, last_used_at, holder, body)",
        [
            session.id.as_str().into(),
            session.caller.principal.class().as_str().into(),
            session.caller.principal.name().into(),
            parent.map_or("", GrantId::as_str).into(),
            session.expires_at.millis().into(),
            0.into(),
            session.created_at.millis().into(),
            session.holder.to_base64url().into(),
            body.into(),
        ],
        "",
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

/// Holds while the session has not been ended, whatever its time.
pub fn goes_on(id: &GrantId) -> Statement {
    Statement::new(
        "select 1 from sessions where id = $1 and ended_at = 0",
        [id.as_str().into()],
    )
    .by_key()
}

fn session(row: &Row) -> Result<Session> {
    serde_json::from_str(row.text(2)?).map_err(|error| {
        Failure::failed("a session in the store cannot be read")
            .because(&error)
            .hint("sign in again")
    })
}
