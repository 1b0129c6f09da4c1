//! The last entry of the ledger, and whether this authority wrote it. Each entry carries a message
//! authentication code of its place and its hash, and its hash covers all before it: an entry that somebody
//! with write access to the database put at the end has no such code, so nothing is appended behind it and
//! no checkpoint signs it.

use std::time::Duration;

use super::{
    chain::GENESIS,
    database::{Database, Row, Statement, Transaction},
    keychain::{FRESH, Keychain},
    notes,
    vouched::Voucher,
};
use crate::domain::{
    failure::{Failure, Result},
    time::Timestamp,
};

/// The last entry; place 0 where there is none.
pub(super) struct Tail {
    /// Its place.
    pub(super) seq: i64,
    /// Its hash.
    pub(super) hash: String,
    code: String,
}

impl Tail {
    /// The last entry, as nobody else can change it until the transaction ends.
    pub(super) async fn read(transaction: &mut Transaction) -> Result<Self> {
        Self::of(&transaction.rows(&last()).await?)
    }

    fn of(rows: &[Row]) -> Result<Self> {
        Ok(match rows.first() {
            Some(row) => Self {
                seq: row.int(0)?,
                hash: row.text(1)?.to_owned(),
                code: row.text(2)?.to_owned(),
            },
            None => Self {
                seq: 0,
                hash: GENESIS.to_owned(),
                code: String::new(),
            },
        })
    }

    /// Whether this authority wrote it.
    pub(super) fn is_ours(&self, voucher: &Voucher) -> bool {
        self.seq == 0 || voucher.is_entry_code(self.seq, &self.hash, &self.code)
    }

    /// Vouches for it, whoever wrote it.
    pub(super) fn vouch(&self, voucher: &Voucher) -> Statement {
        let code = voucher.entry_code(self.seq, &self.hash);
        Statement::new(
            "update events set vouched = $2 where seq = $1",
            [self.seq.into(), code.into()],
        )
    }

    /// What is said of one that somebody else wrote.
    pub(super) fn foreign(&self) -> Failure {
        if self.code.is_empty() {
            return Failure::failed(format!(
                "entry {} of the ledger was not written by this authority: it has no code, and no checkpoint covers it",
                self.seq
            ))
            .hint(
                "if jit was updated from before its ledger had codes and nobody else writes the database, take it \
                 as it is with: jit serve --accept-loss, which is recorded",
            );
        }
        Failure::failed(format!(
            "entry {} of the ledger was not written by this authority",
            self.seq
        ))
        .hint(
            "somebody else changes its database: see who may, and restore it from a backup; a server takes it \
             as it is with: jit serve --accept-loss, which is recorded",
        )
    }
}

fn last() -> Statement {
    let last = "select seq, hash, vouched from events order by seq desc limit 1";
    Statement::new(last, [])
}

/// Refuses a last entry that somebody else wrote, without keeping anybody from appending.
pub(super) async fn check(keychain: &Keychain, now: Timestamp) -> Result<()> {
    for fresh in [FRESH, Duration::ZERO] {
        let voucher = keychain.fresh_voucher(now, fresh).await?;
        let tail = Tail::of(&keychain.database.rows(&last()).await?)?;
        if tail.is_ours(&voucher) {
            return Ok(());
        }
        if fresh.is_zero() {
            return Err(tail.foreign());
        }
    }
    Ok(())
}

/// A transaction, its last entry, and what this authority vouches with.
///
/// # Errors
/// Somebody else wrote the last entry.
pub(super) async fn begin(
    keychain: &Keychain,
    now: Timestamp,
) -> Result<(Transaction, Tail, Voucher)> {
    let voucher = keychain.voucher(now).await?;
    let (transaction, tail) = begun(&keychain.database).await?;
    if tail.is_ours(&voucher) {
        return Ok((transaction, tail, voucher));
    }
    // The key may have been replaced elsewhere a moment ago. It is read outside of the transaction, since an
    // embedded authority has one connection.
    drop(transaction);
    let voucher = keychain.fresh_voucher(now, Duration::ZERO).await?;
    let (transaction, tail) = begun(&keychain.database).await?;
    if tail.is_ours(&voucher) {
        return Ok((transaction, tail, voucher));
    }
    Err(tail.foreign())
}

async fn begun(database: &Database) -> Result<(Transaction, Tail)> {
    let mut transaction = database.begin().await?;
    let tail = Tail::read(&mut transaction).await?;
    Ok((transaction, tail))
}

/// By what the last entry of a ledger from before codes (version 3 or older) is known to be the authority's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// The ledger is a file of the user whose authority it is.
    OwnFile,
    /// A checkpoint that this authority signed covers it. An attacker with write access to the database can say
    /// that it is of an older version again, and signs nothing.
    Checkpoint,
}

/// Gives the last entry of a ledger from before codes its code, once. Where it is not known to be the
/// authority's own it stays without, and is refused as an entry that somebody else wrote.
pub(super) async fn vouch_for_upgraded(keychain: &Keychain, by: Upgrade) -> Result<()> {
    let upgraded = Statement::new("select seq, at, hash from upgraded", []);
    let rows = keychain.database.rows(&upgraded).await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let (seq, hash) = (row.int(0)?, row.text(2)?);
    let at = Timestamp::from_millis(row.int(1)?);
    let is_ours = by == Upgrade::OwnFile || is_signed(keychain, seq, hash).await?;
    let code = keychain.voucher(at).await?.entry_code(seq, hash);
    let vouch = "update events set vouched = $3 where seq = $1 and hash = $2 and vouched = ''";
    let mut transaction = keychain.database.begin().await?;
    if is_ours {
        let values = [seq.into(), hash.into(), code.into()];
        transaction.run(&Statement::new(vouch, values)).await?;
    }
    let done = Statement::new("delete from upgraded", []);
    transaction.run(&done).await?;
    transaction.commit().await
}

/// Whether a checkpoint of this authority covers the entry at that place with that hash.
async fn is_signed(keychain: &Keychain, seq: i64, hash: &str) -> Result<bool> {
    let notes = Statement::new("select note from checkpoints where seq = $1", [seq.into()]);
    let notes = keychain.database.rows(&notes).await?;
    let ring = keychain.ring(notes::PURPOSE, Duration::ZERO).await?;
    let keys = ring.named(None)?;
    for row in &notes {
        let signed = notes::signed_by(&keys, row.text(0)?);
        if signed.is_some_and(|signed| signed.seq == seq && signed.hash == hash) {
            return Ok(true);
        }
    }
    Ok(false)
}
