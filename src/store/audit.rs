//! Whether a ledger is what its checkpoints signed: whole, not cut off, not rewritten, and where it is an
//! old copy, one that somebody answered for.

use super::{
    chain::{COLUMNS, GENESIS, Stored},
    checkpoints::Signed,
    database::Statement,
    ledger::Verification,
    open::Store,
};
use crate::domain::{
    checkpoint::Checkpoint,
    event::{Entry, EventKind},
    failure::Result,
};

/// How many checkpoints are looked at at a time.
const PAGE: u32 = 500;

/// What is wrong with a ledger, seen from a checkpoint that this authority signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The ledger has fewer entries than were signed.
    Behind {
        /// How many it has.
        entries: i64,
    },
    /// The entry at that place is another one than was signed.
    Rewritten,
}

/// What a whole audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The chain.
    pub verification: Verification,
    /// The newest checkpoint in the database; all of them hold.
    pub newest: Option<Checkpoint>,
}

impl Store {
    /// Verifies the chain and every checkpoint in the database.
    pub async fn audit(&self) -> Result<Audit> {
        let verification = self.ledger().verify().await?;
        if matches!(verification, Verification::Broken { .. }) {
            let newest = None;
            return Ok(Audit {
                verification,
                newest,
            });
        }
        let (newest, contradicted) = self.contradiction().await?;
        Ok(Audit {
            verification: contradicted.unwrap_or(verification),
            newest,
        })
    }

    /// The newest checkpoint that holds, and what is wrong with the one after it, if there is one.
    async fn contradiction(&self) -> Result<(Option<Checkpoint>, Option<Verification>)> {
        let mut newest: Option<Checkpoint> = None;
        loop {
            let after = newest.as_ref().map_or(0, |last| last.seq);
            let page = self.checkpoints(after, PAGE).await?;
            if page.is_empty() {
                return Ok((newest, None));
            }
            for Signed { checkpoint, note } in page {
                if let (_, Some(loss)) = self.compare(&note).await?
                    && self.acceptance(&checkpoint).await?.is_none()
                {
                    return Ok((newest, Some(broken(&checkpoint, &loss))));
                }
                newest = Some(checkpoint);
            }
        }
    }

    /// What a checkpoint that was kept elsewhere says of this ledger; `None` where it holds.
    ///
    /// # Errors
    /// The note is none, or was not signed by this authority.
    pub async fn compare(&self, note: &str) -> Result<(Checkpoint, Option<Loss>)> {
        let checkpoint = self.opened(note).await?;
        let select = "select hash from events where seq = $1";
        let select = Statement::new(select, [checkpoint.seq.into()]);
        let rows = self.database.rows(&select).await?;
        let loss = match rows.first() {
            Some(row) if row.text(0)? == checkpoint.hash => None,
            Some(_) => Some(Loss::Rewritten),
            None => Some(Loss::Behind {
                entries: self.head().await?,
            }),
        };
        Ok((checkpoint, loss))
    }

    /// The event by which somebody took this ledger although it contradicts that checkpoint. It names the
    /// checkpoint, and counts only where this authority wrote it: whoever can write into the database could
    /// write one too.
    pub async fn acceptance(&self, checkpoint: &Checkpoint) -> Result<Option<Entry>> {
        let select = format!(
            "select {COLUMNS}, vouched from events where kind = '{}' order by seq desc",
            EventKind::LossAccepted
        );
        let rows = Statement::assembled(select, Vec::new());
        let rows = self.database.rows(&rows).await?;
        for row in rows {
            let (stored, code) = (Stored::read(&row)?, row.text(9)?);
            let voucher = self.voucher(checkpoint.at).await?;
            if !voucher.is_entry_code(stored.seq, &stored.hash, code) {
                continue;
            }
            let previous = self.hash_at(stored.seq - 1).await?;
            if stored.verify(&previous, stored.seq).is_err() {
                continue;
            }
            let entry = stored.entry()?;
            if answers_for(&entry, checkpoint) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The hash of the entry at that place.
    async fn hash_at(&self, seq: i64) -> Result<String> {
        let select = Statement::new("select hash from events where seq = $1", [seq.into()]);
        let rows = self.database.rows(&select).await?;
        let hash = rows.first().map(|row| row.text(0).map(str::to_owned));
        Ok(hash.transpose()?.unwrap_or_else(|| GENESIS.to_owned()))
    }
}

/// Whether an acceptance answers for a checkpoint: it names it, or one that was signed later, behind it, in
/// the part that was lost.
fn answers_for(entry: &Entry, lost: &Checkpoint) -> bool {
    let Some(named) = &entry.event.checkpoint else {
        return false;
    };
    let is_named = named.seq == lost.seq && named.hash == lost.hash;
    is_named || (entry.seq <= lost.seq && lost.seq <= named.seq && lost.at <= named.at)
}

/// What an audit says of a checkpoint that the ledger contradicts.
fn broken(checkpoint: &Checkpoint, loss: &Loss) -> Verification {
    let (seq, at) = (checkpoint.seq, checkpoint.at.to_rfc3339_seconds());
    match loss {
        Loss::Behind { entries } => Verification::Broken {
            entry: entries + 1,
            what: format!("the end was cut off: a checkpoint of {at} covers {seq} entries"),
        },
        Loss::Rewritten => Verification::Broken {
            entry: seq,
            what: format!("a checkpoint of {at} signed another one in this place"),
        },
    }
}
