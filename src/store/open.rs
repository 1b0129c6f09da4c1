//! Opening the store, and making it on first use.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    broken::broken,
    database::{Database, Statement},
    ledger::Ledger,
    migrate::migrate,
};
use crate::{
    domain::failure::{Failure, Result},
    platform::{files, seal::SealingKey},
};

/// How long one process waits for another one's commit, or for a connection.
const BUSY: Duration = Duration::from_secs(10);

/// How many read at once beside the writer of a served authority.
const READERS: u32 = 4;

/// How many connections one replica holds to PostgreSQL at most.
const CONNECTIONS: u32 = 8;

/// An open store. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    pub(super) database: Database,
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
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options(file))
            .await
            .map_err(|error| broken("opened", &error))?;
        let readers = writer.clone();
        Self::begin(Database::Sqlite { readers, writer }, sealing).await
    }

    /// The same for many who read while one writes.
    ///
    /// # Errors
    /// As those of [`Store::open`].
    pub async fn open_shared(file: &Path, sealing: SealingKey) -> Result<Self> {
        let store = Self::open(file, sealing).await?;
        let Database::Sqlite { writer, .. } = store.database else {
            return Ok(store);
        };
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(BUSY)
            .connect_with(options(file))
            .await
            .map_err(|error| broken("opened", &error))?;
        Self::begin(Database::Sqlite { readers, writer }, store.sealing).await
    }

    /// Opens the store that replicas share, in the PostgreSQL database of `url`
    /// (`postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`).
    ///
    /// # Errors
    /// The URL is none, the server is away or refuses, or the tables are of a newer version.
    pub async fn connect(url: &SecretString, sealing: SealingKey) -> Result<Self> {
        let options: PgConnectOptions = url.expose_secret().parse().map_err(|_| {
            Failure::failed("the database's address is not a PostgreSQL URL")
                .hint("write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full")
        })?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(BUSY)
            .connect_with(options.application_name("jit serve"))
            .await
            .map_err(|error| broken("opened", &error))?;
        Self::begin(Database::Postgres(pool), sealing).await
    }

    async fn begin(database: Database, sealing: SealingKey) -> Result<Self> {
        migrate(&database).await?;
        Ok(Self {
            ledger: Ledger::start(database.clone()),
            database,
            sealing,
        })
    }

    /// The ledger.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn answers(&self) -> Result<()> {
        let one = Statement::new("select 1 from schema_version", []);
        self.database.rows(&one).await.map(drop)
    }

    /// Writes what is still in the log into the database and closes it.
    pub async fn close(self) {
        self.database.close().await;
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        // An event is on the disk before the credential that it explains leaves.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
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
