//! Opening the store, and making it on first use.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use sqlx::{
    Error, Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{broken::broken, ledger::Ledger};
use crate::{
    domain::failure::{Failure, Result},
    platform::{files, seal::SealingKey},
};

/// The newest layout of the tables that this program knows.
const VERSION: i64 = 1;

/// How long one process waits for another one's commit.
const BUSY: Duration = Duration::from_secs(10);

/// An open store. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    pub(super) pool: SqlitePool,
    pub(super) sealing: SealingKey,
    ledger: Ledger,
}

impl Store {
    /// Opens the store in `file`, and makes it on first use: mode 0600, in a directory that is ours
    /// alone. Must be called on a runtime: the ledger's writer is a task of it.
    ///
    /// # Errors
    /// The file is another user's, can be read by others, is of a newer version or is no database;
    /// the disk is full or read-only.
    pub async fn open(file: &Path, sealing: SealingKey) -> Result<Self> {
        prepare(file)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            // An event is on the disk before the credential that it explains leaves.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(|error| broken("opened", &error))?;
        let ledger = Ledger::start(pool.clone());
        let store = Self {
            pool,
            sealing,
            ledger,
        };
        store.migrate().await?;
        Ok(store)
    }

    /// The ledger.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Writes what is still in the log into the database and closes it.
    pub async fn close(self) {
        self.pool.close().await;
    }

    async fn migrate(&self) -> Result<()> {
        if self.version().await? == Some(VERSION) {
            return Ok(());
        }
        sqlx::raw_sql(include_str!("schema.sql"))
            .execute(&self.pool)
            .await
            .map_err(|error| broken("prepared", &error))?;
        sqlx::query("insert into schema_version (version) values ($1) on conflict do nothing")
            .bind(VERSION)
            .execute(&self.pool)
            .await
            .map_err(|error| broken("prepared", &error))?;
        Ok(())
    }

    async fn version(&self) -> Result<Option<i64>> {
        let found = sqlx::query("select max(version) as version from schema_version")
            .fetch_optional(&self.pool)
            .await;
        let version: Option<i64> = match found {
            Ok(row) => row.and_then(|row| row.try_get("version").ok()),
            Err(Error::Database(error)) if error.message().contains("no such table") => None,
            Err(error) => return Err(broken("read", &error)),
        };
        match version {
            Some(newer) if newer > VERSION => Err(Failure::failed(format!(
                "the ledger was written by a newer jit (its version is {newer}, this one knows {VERSION})"
            ))
            .hint("update jit; nothing was changed")),
            known => Ok(known),
        }
    }
}

/// Makes the database's file with its mode before SQLite does.
fn prepare(file: &Path) -> Result<()> {
    if let Some(directory) = file.parent() {
        files::private_directory(directory)?;
    }
    if files::is_private(file)? {
        return Ok(());
    }
    let made = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(file);
    match made {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::failed(format!("the ledger {} cannot be made", file.display()))
            .because(&error)
            .hint("no credential is given without its event: free some space, or mend the permissions")),
    }
}
