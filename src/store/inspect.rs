//! Looking at a ledger without being its authority: nothing is made, migrated or written.

use std::path::Path;

use sqlx::{
    Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::{
    broken::broken,
    chain::GENESIS,
    ledger::{Verification, verify_behind},
};
use crate::{domain::failure::Result, platform::files};

/// What was found in a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// How many of its newest entries were looked at.
    pub looked_at: i64,
    /// What they are.
    pub verification: Verification,
}

/// Verifies the newest entries of the ledger in `file`, `most` of them; `None` where there is no
/// ledger.
///
/// # Errors
/// The file can be reached by others, or is no ledger.
pub async fn inspect(file: &Path, most: i64) -> Result<Option<Inspection>> {
    if !files::is_private(file)? {
        return Ok(None);
    }
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .read_only(true);
    let opened = SqliteConnection::connect_with(&options).await;
    let mut connection = opened.map_err(|error| broken("opened", &error))?;
    let (place, head) = start(&mut connection, most)
        .await
        .map_err(|error| broken("read", &error))?;
    let verification = verify_behind(&mut connection, place, head).await?;
    let last = match &verification {
        Verification::Whole { entries, .. } => *entries,
        Verification::Broken { entry, .. } => *entry,
    };
    // What was to be read is read.
    drop(connection.close().await);
    Ok(Some(Inspection {
        looked_at: last - place,
        verification,
    }))
}

/// The entry before the newest `most`, and its hash: what theirs rest on.
async fn start(connection: &mut SqliteConnection, most: i64) -> sqlx::Result<(i64, String)> {
    let before = sqlx::query(
        "select seq, hash from events
         where seq <= (select max(seq) from events) - $1 order by seq desc limit 1",
    )
    .bind(most)
    .fetch_optional(connection)
    .await?;
    let read = |row: SqliteRow| Ok((row.try_get("seq")?, row.try_get("hash")?));
    before.map_or_else(|| Ok((0, GENESIS.to_owned())), read)
}
