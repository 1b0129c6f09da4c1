//! Looking at a ledger without being its authority: nothing is made, migrated or written.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::{
    broken::broken,
    chain::GENESIS,
    database::{Database, Statement},
    ledger::{Verification, verify_behind},
    sqlite::File,
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
    let opened = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await;
    let pool = opened.map_err(|error| broken("opened", &error))?;
    let database = Database::Sqlite(File::new(file, pool.clone(), pool));
    let (place, head) = start(&database, most).await?;
    let verification = verify_behind(&database, place, head).await?;
    let last = match &verification {
        Verification::Whole { entries, .. } => *entries,
        Verification::Broken { entry, .. } => *entry,
    };
    database.close().await;
    Ok(Some(Inspection {
        looked_at: last - place,
        verification,
    }))
}

/// The entry before the newest `most`, and its hash: what theirs rest on.
async fn start(database: &Database, most: i64) -> Result<(i64, String)> {
    let before = "select seq, hash from events
         where seq <= (select max(seq) from events) - $1 order by seq desc limit 1";
    let rows = database
        .rows(&Statement::new(before, [most.into()]))
        .await?;
    match rows.first() {
        Some(row) => Ok((row.int(0)?, row.text(1)?.to_owned())),
        None => Ok((0, GENESIS.to_owned())),
    }
}
