//! Signed heads of the ledger: what shows afterwards that its end was cut off, or that it was rewritten
//! or restored from an old copy. Each is worth as much as the place where it is kept.

use std::time::Duration;

pub use super::notes::Signed;
use super::{
    database::{Row, Statement},
    notes::{PURPOSE, sign, signed_by, verifier},
    open::Store,
    tail::{self, Tail},
};
use crate::domain::{
    checkpoint::Checkpoint,
    failure::{Failure, Result},
    lease::CLOCK_SKEW,
    time::Timestamp,
};

/// When the next checkpoint is due: after so many events, or so long after an event that none covers.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Events since the last one.
    pub events: i64,
    /// Time since the last one.
    pub span: Duration,
}

impl Store {
    /// Signs the ledger's head if a checkpoint is due, and keeps it. Of many replicas one does it.
    pub async fn checkpoint_if_due(&self, pace: Pace, now: Timestamp) -> Result<Option<Signed>> {
        let before = self.database.rows(&newest()).await?;
        let last = self.newest_checkpoint().await?;
        let last = last.map(|signed| (signed.checkpoint.seq, signed.checkpoint.at));
        let (last, last_at) = last.unwrap_or((0, Timestamp::from_millis(0)));
        let head = self.head().await?;
        if !is_due(pace, now, head - last, last_at) {
            return Ok(None);
        }
        let key = self.signing_key(PURPOSE, now).await?;
        let (mut transaction, tail, _) = tail::begin(&self.keychain, now).await?;
        // Another replica may have been first.
        if transaction.rows(&newest()).await? != before {
            return Ok(None);
        }
        if let Some(row) = transaction.rows(&dated_after(last, now)).await?.first() {
            return ahead(row, now);
        }
        let at = second(now);
        let (seq, hash) = (tail.seq, tail.hash);
        let signed = sign(Checkpoint { seq, hash, at }, &key)?;
        transaction.run(&insert(&signed)).await?;
        transaction.commit().await?;
        Ok(Some(signed))
    }

    /// The checkpoints behind the one at place `after`, the oldest first.
    pub async fn checkpoints(&self, after: i64, limit: u32) -> Result<Vec<Signed>> {
        let select = "select seq, note from checkpoints where seq > $1 order by seq limit $2";
        let select = Statement::new(select, [after.into(), i64::from(limit).into()]);
        let rows = self.database.rows(&select).await?;
        rows.iter()
            .map(|row| signed(row.int(0)?, row.text(1)?))
            .collect()
    }

    /// The newest checkpoint that a key of this authority signed. A row that somebody else wrote is passed
    /// over, so that nobody without the key puts the next checkpoint off.
    pub async fn newest_checkpoint(&self) -> Result<Option<Signed>> {
        let keys = self.verifying_keys(PURPOSE, None).await?;
        let mut before = i64::MAX;
        loop {
            let select =
                "select seq, note from checkpoints where seq < $1 order by seq desc limit 100";
            let select = Statement::new(select, [before.into()]);
            let rows = self.database.rows(&select).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            for row in rows {
                before = row.int(0)?;
                let note = row.text(1)?;
                let ours = signed_by(&keys, note).filter(|checkpoint| checkpoint.seq == before);
                if let Some(checkpoint) = ours {
                    let note = note.to_owned();
                    return Ok(Some(Signed { checkpoint, note }));
                }
            }
        }
    }

    /// The public keys that sign or signed checkpoints, as verifiers of signed notes have them:
    /// `jit-ledger+ID+BASE64`.
    pub async fn checkpoint_keys(&self, now: Timestamp) -> Result<Vec<String>> {
        self.signing_key(PURPOSE, now).await?;
        let keys = self.public_keys(PURPOSE, now).await?;
        Ok(keys.into_iter().map(verifier).collect())
    }

    /// Signs the ledger's head, whatever was signed before. What the ledger contradicts is of one that is
    /// lost, and goes.
    pub async fn sign_head(&self, now: Timestamp) -> Result<()> {
        let key = self.signing_key(PURPOSE, now).await?;
        let (mut transaction, tail, _) = tail::begin(&self.keychain, now).await?;
        let (seq, hash, at) = (tail.seq, tail.hash, second(now));
        let signed = sign(Checkpoint { seq, hash, at }, &key)?;
        let gone = "delete from checkpoints where not exists (
             select 1 from events where events.seq = checkpoints.seq and events.hash = checkpoints.hash)";
        transaction.run(&Statement::new(gone, [])).await?;
        transaction.run(&insert(&signed)).await?;
        transaction.commit().await
    }

    /// When the last entry was written; the beginning of time where there is none.
    pub(super) async fn ledger_end(&self) -> Result<Timestamp> {
        let last = "select at from events order by seq desc limit 1";
        let rows = self.database.rows(&Statement::new(last, [])).await?;
        let at = rows.first().map_or(Ok(0), |row| row.int(0))?;
        Ok(Timestamp::from_millis(at))
    }

    /// Whether this authority wrote the last entry.
    ///
    /// # Errors
    /// It did not, or the database is away.
    pub async fn check_tail(&self, now: Timestamp) -> Result<()> {
        tail::check(&self.keychain, now).await
    }

    /// Vouches for the last entry, whoever wrote it: an operator answers for it.
    pub async fn vouch_for_tail(&self, now: Timestamp) -> Result<()> {
        let voucher = self.voucher(now).await?;
        let mut transaction = self.database.begin().await?;
        let tail = Tail::read(&mut transaction).await?;
        transaction.run(&tail.vouch(&voucher)).await?;
        transaction.commit().await
    }

    /// How many entries there are.
    pub async fn head(&self) -> Result<i64> {
        let last = "select seq from events order by seq desc limit 1";
        let rows = self.database.rows(&Statement::new(last, [])).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The checkpoint of a note, if a key of this authority signed it.
    pub(super) async fn opened(&self, note: &str) -> Result<Checkpoint> {
        if Checkpoint::parse(note).is_none() {
            return Err(Failure::failed("that is no checkpoint").hint(
                "a checkpoint is the whole text that \"jit audit checkpoint\" or /v1/checkpoints gave",
            ));
        }
        let keys = self.verifying_keys(PURPOSE, None).await?;
        signed_by(&keys, note).ok_or_else(|| {
            Failure::failed("the checkpoint was not signed by a key of this ledger").hint(
                "it is another authority's, or this database was put in the place of the one that signed it",
            )
        })
    }
}

/// The second that ends at `now` or next: no event of before is dated after it.
fn second(now: Timestamp) -> Timestamp {
    Timestamp::from_secs(Timestamp::from_millis(now.millis().saturating_add(999)).secs())
}

/// The latest of the entries behind that place that are dated after now.
fn dated_after(place: i64, now: Timestamp) -> Statement {
    let select = "select seq, at from events where seq > $1 and at > $2 order by at desc limit 1";
    Statement::new(select, [place.into(), now.millis().into()])
}

/// Nothing is signed while an entry is dated after now: clocks differ by moments, and more is said.
fn ahead(row: &Row, now: Timestamp) -> Result<Option<Signed>> {
    let (seq, at) = (row.int(0)?, Timestamp::from_millis(row.int(1)?));
    if at <= now.after(CLOCK_SKEW) {
        return Ok(None);
    }
    Err(Failure::failed(format!(
        "no checkpoint is signed: entry {seq} of the ledger is dated {at}, and it is {now}"
    ))
    .hint("see whose clock is wrong: this server's, or the one's that wrote the entry"))
}

fn is_due(pace: Pace, now: Timestamp, events: i64, last_at: Timestamp) -> bool {
    events >= pace.events || (events > 0 && now >= last_at.after(pace.span))
}

fn newest() -> Statement {
    Statement::new(
        "select seq, at, note from checkpoints order by seq desc limit 1",
        [],
    )
}

fn signed(seq: i64, note: &str) -> Result<Signed> {
    let checkpoint = Checkpoint::parse(note).map(|(checkpoint, _)| checkpoint);
    let checkpoint = checkpoint.filter(|checkpoint| checkpoint.seq == seq);
    let note = note.to_owned();
    let signed = checkpoint.map(|checkpoint| Signed { checkpoint, note });
    signed.ok_or_else(|| {
        Failure::failed(format!(
            "the checkpoint at entry {seq} is not what was written"
        ))
        .hint("keep the database as evidence")
    })
}

fn insert(signed: &Signed) -> Statement {
    let Checkpoint { seq, hash, at } = &signed.checkpoint;
    Statement::insert(
        "insert into checkpoints (seq, at, hash, note)",
        [
            (*seq).into(),
            at.millis().into(),
            hash.as_str().into(),
            signed.note.as_str().into(),
        ],
        // What is in this place already, somebody else wrote.
        "on conflict (seq) do update set at = excluded.at, hash = excluded.hash, note = excluded.note",
    )
}
