//! Who was let in. Sessions begin and end with their events.

pub use super::{conditions::goes_on, lines::DEEPEST};
use super::{
    database::{Row, Statement},
    open::Store,
    standing::Standing,
    vouched::Voucher,
};
use crate::domain::{
    failure::Result, id::GrantId, key::PublicKey, principal::Principal, session::Session,
    time::Timestamp,
};

/// Nothing stands beside a session: it says its id itself.
const BESIDE: &[&str] = &["session"];

impl Store {
    /// The live sessions of people that nobody handed on: of one of them, or of all.
    pub async fn sessions_of_people(
        &self,
        who: Option<&Principal>,
        now: Timestamp,
    ) -> Result<Vec<Session>> {
        let mut values = vec![now.millis().into()];
        values.extend(who.map(|who| who.name().into()));
        let theirs = who.map_or("", |_| "and name = $2");
        let select = format!(
            "select ended_at, parent, body from sessions
             where class = 'Human' and parent = '' and ended_at = 0 and expires_at > $1 {theirs} order by id"
        );
        let rows = self
            .database
            .rows(&Statement::assembled(select, values))
            .await?;
        let voucher = self.voucher(now).await?;
        // A row that this authority did not write lets nobody in.
        let ours = rows.iter().filter_map(|row| session(&voucher, row).ok());
        Ok(ours
            .filter(|session| who.is_none_or(|who| session.caller.principal == *who))
            .collect())
    }

    /// The session of that id and those that delegated to it, the nearest first, while all of them
    /// live at `now`; none where one of them has ended.
    pub async fn line(&self, id: &GrantId, now: Timestamp) -> Result<Vec<Session>> {
        let line = self.standing_line(id, now).await?;
        Ok(line.into_iter().map(|(session, _)| session).collect())
    }

    /// The same, each with how its caller stands, who may never have been here. No caller is in a group that
    /// a newer attestation of its principal, in whichever session, does not name any more.
    pub async fn standing_line(
        &self,
        id: &GrantId,
        now: Timestamp,
    ) -> Result<Vec<(Session, Option<Standing>)>> {
        let rows = self.lines.of(id, now).await?;
        let all_live = rows.iter().map(|row| Ok(row.int(0)? == 1));
        let all_live = all_live.collect::<Result<Vec<bool>>>()?;
        let is_whole = match rows.last() {
            Some(last) => last.text(1)?.is_empty(),
            None => false,
        };
        if !is_whole || all_live.contains(&false) || rows.len() > DEEPEST {
            return Ok(Vec::new());
        }
        let voucher = self.voucher(now).await?;
        let hop = |row| {
            let mut session = session(&voucher, row)?;
            let standing = Standing::read(row, 3, &session.caller.principal, &voucher)?;
            let newest = standing.as_ref().and_then(|one| one.newest_groups.clone());
            session.caller = session.caller.narrowed(newest);
            Ok((session, standing))
        };
        let line = rows.iter().map(hop).collect::<Result<Vec<_>>>()?;
        // Disabling somebody ended what they had, whatever the row of a session says.
        let outlived = |(session, standing): &(Session, Option<Standing>)| {
            let decided_at = standing.as_ref().and_then(|standing| standing.decided_at);
            decided_at.is_some_and(|at| session.created_at < at)
        };
        if line.iter().any(outlived) {
            return Ok(Vec::new());
        }
        // What the columns say is nobody's word: it is how the rows were found.
        let mut wanted = Some(id);
        for ((session, _), row) in line.iter().zip(&rows) {
            let who = &session.caller.principal;
            let is_theirs = row.text(10)? == who.class().as_str() && row.text(11)? == who.name();
            if wanted != Some(&session.id) || !is_theirs || !session.is_live(now) {
                return Err(voucher.forged());
            }
            wanted = session.parent.as_ref();
        }
        if wanted.is_some() {
            return Err(voucher.forged());
        }
        Ok(line)
    }

    /// The session that is bound to that key, and whether it was ended.
    pub async fn session_of(
        &self,
        holder: PublicKey,
        now: Timestamp,
    ) -> Result<Option<(Session, bool)>> {
        let select = "select ended_at, parent, body from sessions where holder = $1";
        let select = Statement::new(select, [holder.to_base64url().into()]);
        let rows = self.database.rows(&select).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let voucher = self.voucher(now).await?;
        let session = session(&voucher, row)?;
        if session.holder != holder {
            return Err(voucher.forged());
        }
        Ok(Some((session, row.int(0)? != 0)))
    }
}

/// Writes a session as it begins.
pub fn begin(session: &Session, voucher: &Voucher) -> Result<Statement> {
    let body = voucher.write(BESIDE, session)?;
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
pub fn renew(session: &Session, voucher: &Voucher, now: Timestamp) -> Result<Statement> {
    let body = voucher.write(BESIDE, session)?;
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

fn session(voucher: &Voucher, row: &Row) -> Result<Session> {
    let read = voucher.read(BESIDE, row.text(2)?);
    read.map_err(|failure| failure.hint("sign in again, and see who else writes the database"))
}
