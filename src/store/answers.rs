//! Answers by the key that they were asked with, so that whoever lost one gets the same again.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{database::Statement, open::Store};
use crate::domain::{failure::Result, id::GrantId, time::Timestamp};

// The key first, since a caller may ask for many things at once.
const ROW: &str =
    "insert into answers (idempotency_key, caller, request, elevation, answer, expires_at)";

/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);

/// What was asked by whom under which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key it is: the session that is asked in.
    pub caller: String,
    /// The key, chosen by whoever asks.
    pub key: String,
    /// The hash of what was asked.
    pub request: String,
}

/// What is known of a key.
#[derive(Debug)]
pub struct Noted {
    /// The hash of what was asked with it.
    pub request: String,
    /// The elevation that came of it.
    pub elevation: Option<GrantId>,
    /// The answer, once there was one.
    pub answer: Option<Zeroizing<Vec<u8>>>,
}

impl Store {
    /// What is known of that key at `now`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn noted(&self, once: &IdempotencyKey, now: Timestamp) -> Result<Option<Noted>> {
        let select = "select request, elevation, answer from answers
             where caller = $1 and idempotency_key = $2 and expires_at > $3";
        let values = [
            once.caller.as_str().into(),
            once.key.as_str().into(),
            now.millis().into(),
        ];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let sealed = row.text(2)?;
        // One that was sealed with a key that is gone is as good as lost.
        let answer = Some(sealed)
            .filter(|sealed| !sealed.is_empty())
            .and_then(|sealed| self.sealing.open(&once.name(), sealed));
        Ok(Some(Noted {
            request: row.text(0)?.to_owned(),
            elevation: row.text(1)?.parse().ok(),
            answer,
        }))
    }

    /// Notes that this was asked and led to that elevation, with the answer if it is there already.
    ///
    /// # Errors
    /// The answer cannot be sealed.
    pub fn note(
        &self,
        once: &IdempotencyKey,
        elevation: Option<&GrantId>,
        answer: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Statement> {
        let sealed = answer.map(|answer| self.sealing.seal(&once.name(), answer));
        let sealed = sealed.transpose()?.unwrap_or_default();
        Ok(Statement::insert(
            ROW,
            [
                once.key.as_str().into(),
                once.caller.as_str().into(),
                once.request.as_str().into(),
                elevation.map_or("", GrantId::as_str).into(),
                sealed.into(),
                now.after(KEPT).millis().into(),
            ],
            // What stands there is over, or open: that it may be written was asked before.
            "on conflict (caller, idempotency_key) do update set request = excluded.request,
                 elevation = excluded.elevation, answer = excluded.answer,
                 expires_at = excluded.expires_at",
        ))
    }

    /// Notes by itself that this is asked, about that elevation; whether nobody had before.
    pub async fn note_first(
        &self,
        once: &IdempotencyKey,
        elevation: &GrantId,
        now: Timestamp,
    ) -> Result<bool> {
        let insert = Statement::new(
            "insert into answers (idempotency_key, caller, request, elevation, answer, expires_at)
             values ($1, $2, $3, $4, '', $5)
             on conflict (caller, idempotency_key) do update set request = excluded.request,
                 elevation = excluded.elevation, answer = '', expires_at = excluded.expires_at
             where answers.expires_at <= $6",
            [
                once.key.as_str().into(),
                once.caller.as_str().into(),
                once.request.as_str().into(),
                elevation.as_str().into(),
                now.after(KEPT).millis().into(),
                now.millis().into(),
            ],
        );
        Ok(self.database.run(&insert).await? > 0)
    }

    /// Writes by itself what goes with no event.
    pub async fn write(&self, statement: &Statement) -> Result<()> {
        self.database.run(statement).await.map(drop)
    }

    /// Forgets the answers whose time is over.
    pub async fn forget_answers(&self, now: Timestamp) -> Result<()> {
        let delete = "delete from answers where expires_at <= $1";
        let delete = Statement::new(delete, [now.millis().into()]);
        self.database.run(&delete).await.map(drop)
    }
}

impl IdempotencyKey {
    fn name(&self) -> String {
        format!("answer {} {}", self.caller, self.key)
    }
}

/// Holds while nothing was asked with that key.
pub fn is_new(once: &IdempotencyKey, now: Timestamp) -> Statement {
    Statement::new(
        "select 1 where not exists (
             select 1 from answers
             where caller = $1 and idempotency_key = $2 and expires_at > $3)",
        [
            once.caller.as_str().into(),
            once.key.as_str().into(),
            now.millis().into(),
        ],
    )
    .by_key()
}

/// Holds while nothing was answered under that key, and nothing else asked with it.
pub fn is_unanswered(once: &IdempotencyKey, now: Timestamp) -> Statement {
    Statement::new(
        "select 1 where not exists (
             select 1 from answers
             where caller = $1 and idempotency_key = $2 and expires_at > $3
                 and (answer <> '' or request <> $4))",
        [
            once.caller.as_str().into(),
            once.key.as_str().into(),
            now.millis().into(),
            once.request.as_str().into(),
        ],
    )
    .by_key()
}

/// Takes back that it was asked: nothing came of it, and it may be asked again.
pub fn take_back(once: &IdempotencyKey) -> Statement {
    Statement::new(
        "delete from answers where caller = $1 and idempotency_key = $2",
        [once.caller.as_str().into(), once.key.as_str().into()],
    )
}
