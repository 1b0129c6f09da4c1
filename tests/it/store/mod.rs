//! What an authority remembers, told once for both databases: SQLite, and a real PostgreSQL.

mod addresses;
mod checkpoints;
mod forged;
mod full_disk;
mod keys;
mod moved;
mod older;
mod outage;
mod plans;
mod planted;
mod served;
mod stolen;
mod story;
mod version_2;
mod writers;

use std::path::PathBuf;

use jit::{
    domain::{
        decision::Obligations,
        elevation::{Elevation, Request},
        event::{Event, EventKind, Origin},
        id::GrantId,
        key::PublicKey,
        principal::{Caller, Class, Principal},
        session::Session,
        time::Timestamp,
    },
    platform::{keys::random, seal::SealingKey},
    store::{
        Store,
        ledger::{Actor, Append, Appended},
        sealing::Sealing,
    },
};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::support::{Access, Postgres};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A database, and the stores of as many replicas as a test opens on it.
pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Postgres),
}

impl Place {
    /// Both; PostgreSQL only where it is installed.
    pub(crate) fn both() -> Vec<Self> {
        let mut places = vec![Self::Sqlite(TempDir::new().unwrap())];
        places.extend(Postgres::start(Access::default()).map(Self::Postgres));
        places
    }

    pub(crate) async fn open(&self) -> Store {
        self.open_with(SealingKey::new([7; 32])).await.unwrap()
    }

    pub(crate) async fn open_with(
        &self,
        key: impl Into<Sealing>,
    ) -> jit::domain::failure::Result<Store> {
        match self {
            Self::Sqlite(_) => Store::open_shared(&self.file(), key).await,
            Self::Postgres(server) => {
                Store::connect(&SecretString::from(server.owner_url()), key).await
            }
        }
    }

    /// SQLite's file.
    pub(crate) fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(directory) => directory.path().join("state/ledger.db"),
            Self::Postgres(_) => panic!("it is no file"),
        }
    }

    /// Changes the database behind jit's back.
    pub(crate) async fn tamper(&self, sql: &str) {
        match self {
            Self::Sqlite(_) => {
                let url = format!("sqlite://{}", self.file().display());
                let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
                let sql = sqlx::AssertSqlSafe(sql);
                sqlx::raw_sql(sql).execute(&pool).await.unwrap();
                pool.close().await;
            }
            Self::Postgres(server) => drop(server.psql_in("ledger", sql)),
        }
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

/// Appends what nothing stands in the way of.
pub(crate) async fn written(store: &Store, append: Append) {
    let outcome = store.ledger().append(append).await;
    assert_eq!(outcome, Ok(Appended::Written));
}

pub(crate) fn id() -> GrantId {
    GrantId::new(NOW, random().unwrap())
}

pub(crate) fn alice() -> Principal {
    Principal::new(Class::Human, "alice").unwrap()
}

/// An elevation of alice's, granted.
pub(crate) fn granted(entitlement: &str) -> Elevation {
    let mut elevation = asked(entitlement, None);
    elevation
        .grant(vec!["routine".to_owned()], Obligations::default(), NOW)
        .unwrap();
    elevation
}

/// An elevation of alice's that nobody has decided on.
pub(crate) fn asked(entitlement: &str, session: Option<GrantId>) -> Elevation {
    Elevation::ask(Request {
        id: id(),
        principal: alice(),
        entitlement: entitlement.parse().unwrap(),
        justification: Some("so\u{0}much".to_owned()),
        ttl: None,
        break_glass: false,
        verb: None,
        session,
        chain: Vec::new(),
        address: None,
        enrolled_by: None,
        asked_at: NOW,
    })
}

/// An event about it.
pub(crate) fn event(kind: EventKind, elevation: &Elevation) -> Event {
    Event {
        entitlement: Some(elevation.request.entitlement.clone()),
        justification: elevation.request.justification.clone(),
        ..plain(kind, elevation.request.id.clone())
    }
}

/// That event, and where it leaves the elevation.
pub(crate) async fn step(store: &Store, kind: EventKind, elevation: &Elevation) -> Append {
    let voucher = store.voucher(NOW).await.unwrap();
    let append = Append::new(event(kind, elevation), Actor::Authority);
    append.leaving(elevation, &voucher).unwrap()
}

/// An event about nothing but alice.
pub(crate) fn plain(kind: EventKind, id: GrantId) -> Event {
    Event::new(kind, NOW, id, alice(), Origin::default())
}

/// A session of alice's, and one below another.
pub(crate) fn session(parent: Option<&Session>) -> Session {
    Session {
        id: id(),
        caller: Caller::new(alice(), [].into()),
        holder: PublicKey([9; 32]),
        source: "https://id.example.com".to_owned(),
        parent: parent.map(|parent| parent.id.clone()),
        only: None,
        created_at: NOW,
        expires_at: NOW.after(std::time::Duration::from_hours(1)),
        provider_session: None,
        attested_at: None,
    }
}
