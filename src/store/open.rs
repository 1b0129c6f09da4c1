//! Opening the store, and making it on first use.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use prometheus_client::metrics::counter::Counter;
use secrecy::SecretString;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{
    broken::broken,
    database::{Database, Statement},
    identity_rows,
    keychain::Keychain,
    ledger::Ledger,
    lines::Lines,
    migrate::migrate,
    postgres::Server,
    rings::Rings,
    sealing::{Sealing, check},
    sqlite::File,
    tail::{Upgrade, vouch_for_upgraded},
};
use crate::{
    domain::failure::{Failure, Result},
    platform::files,
};

/// How long one process waits for another one's commit, or for a connection.
const BUSY: Duration = Duration::from_secs(10);

/// How many read at once beside the writer of a served authority.
const READERS: u32 = 4;

/// An open store. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    pub(super) database: Database,
    pub(super) sealing: Sealing,
    pub(super) rings: Rings,
    pub(super) lines: Lines,
    pub(super) keychain: Keychain,
    ledger: Ledger,
}

impl Store {
    /// Opens the store in `file`, and makes it on first use: mode 0600, in a directory that is ours
    /// alone. Must be called on a runtime: the ledger's writer is a task of it.
    ///
    /// # Errors
    /// The file is another user's, can be read by others, is of a newer version or is no database;
    /// the disk is full or read-only.
    pub async fn open(file: &Path, sealing: impl Into<Sealing>) -> Result<Self> {
        prepare(file)?;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options(file))
            .await
            .map_err(|error| broken("opened", &error))?;
        let readers = writer.clone();
        let database = Database::Sqlite(File::new(file, readers, writer));
        let store = Self::begin(database, sealing.into()).await?;
        vouch_for_upgraded(&store.keychain, Upgrade::OwnFile).await?;
        Ok(store)
    }

    /// The same for many who read while one writes.
    ///
    /// # Errors
    /// As those of [`Store::open`]; another sealing key than before.
    pub async fn open_shared(file: &Path, sealing: impl Into<Sealing>) -> Result<Self> {
        prepare(file)?;
        let pool = |most| {
            SqlitePoolOptions::new()
                .max_connections(most)
                .acquire_timeout(BUSY)
                .connect_with(options(file))
        };
        let opened = |error| broken("opened", &error);
        let writer = pool(1).await.map_err(opened)?;
        let readers = pool(READERS).await.map_err(opened)?;
        let database = Database::Sqlite(File::new(file, readers, writer));
        Self::serve(database, sealing.into()).await
    }

    /// Opens the store that replicas share, in the PostgreSQL database of `url`
    /// (`postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`).
    ///
    /// # Errors
    /// The URL is none, the server is away or refuses, the tables are of a newer version, or they were
    /// sealed with another key.
    pub async fn connect(url: &SecretString, sealing: impl Into<Sealing>) -> Result<Self> {
        let server = Server::connect(url).await?;
        Self::serve(Database::Postgres(server), sealing.into()).await
    }

    async fn serve(database: Database, sealing: Sealing) -> Result<Self> {
        let store = Self::begin(database, sealing).await?;
        let checked = match check(&store.database, &store.sealing).await {
            Ok(()) => upgrade(&store.keychain).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = checked {
            store.close().await;
            return Err(failure);
        }
        Ok(store)
    }

    async fn begin(database: Database, sealing: Sealing) -> Result<Self> {
        migrate(&database).await?;
        let keychain = Keychain {
            database: database.clone(),
            sealing: sealing.clone(),
            rings: Rings::default(),
            refused_rows: Counter::default(),
        };
        Ok(Self {
            ledger: Ledger::start(keychain.clone()),
            lines: Lines::start(database.clone()),
            rings: keychain.rings.clone(),
            keychain,
            database,
            sealing,
        })
    }

    /// How many rows this process refused since this authority did not write them.
    pub const fn refused_rows(&self) -> &Counter {
        &self.keychain.refused_rows
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

    /// Writes what still waits, and what is still in the log into the database, and closes it. Whoever
    /// appends after that is refused.
    pub async fn close(self) {
        self.ledger.stop().await;
        self.database.close().await;
    }
}

/// Vouches for what a served authority wrote before it had codes.
async fn upgrade(keychain: &Keychain) -> Result<()> {
    vouch_for_upgraded(keychain, Upgrade::Checkpoint).await?;
    identity_rows::vouch_for_upgraded(keychain).await
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        // An event is on the disk before the credential that it explains leaves.
        .synchronous(SqliteSynchronous::Full)
        // What a statement could have to undo is kept in memory.
        .pragma("temp_store", "memory")
        // So many pages (32 MB) wait in the log, since most are written again soon; a commit that moves
        // them into the database is slow.
        .pragma("wal_autocheckpoint", "8192")
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
