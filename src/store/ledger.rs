//! The ledger: durable before anything leaves, chained by hashes, committed in groups.

use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use tokio::sync::{mpsc, oneshot};

use super::{
    broken::broken,
    chain::{GENESIS, Stored},
};
use crate::domain::{
    elevation::{Elevation, State},
    entitlement::Kind,
    event::{Entry, Event, EventFilter},
    failure::{Failure, Result},
    id::GrantId,
};

/// How many appends go into one commit at most.
const GROUP: usize = 256;

/// One append: what happened, and where it leaves the elevation that it is about, if it is.
struct Append {
    event: Event,
    elevation: Option<Elevation>,
    done: oneshot::Sender<Result<()>>,
}

/// A handle on the ledger's one writer in this process. Other processes are kept apart by the
/// database's own lock.
#[derive(Clone)]
pub struct Ledger {
    pool: SqlitePool,
    queue: mpsc::Sender<Append>,
}

/// What verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Every entry is what was written.
    Whole {
        /// How many there are.
        entries: i64,
        /// The hash of the last one.
        head: String,
    },
    /// The chain is broken.
    Broken {
        /// The place of the first entry that is not what was written.
        entry: i64,
        /// What is wrong with it.
        what: String,
    },
}

impl Ledger {
    pub(super) fn start(pool: SqlitePool) -> Self {
        let (queue, waiting) = mpsc::channel(GROUP);
        tokio::spawn(write(pool.clone(), waiting));
        Self { pool, queue }
    }

    /// Appends an event and where it leaves its elevation, in one commit. When this comes back,
    /// both are on the disk.
    ///
    /// # Errors
    /// The disk is full or read-only, or the database is broken: then neither is there.
    pub async fn append(&self, event: Event, elevation: Elevation) -> Result<()> {
        self.write(event, Some(elevation)).await
    }

    /// Appends an event that is about no elevation. When this comes back, it is on the disk.
    ///
    /// # Errors
    /// As those of [`Ledger::append`].
    pub async fn record(&self, event: Event) -> Result<()> {
        self.write(event, None).await
    }

    async fn write(&self, event: Event, elevation: Option<Elevation>) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let append = Append {
            event,
            elevation,
            done,
        };
        let gone = || Failure::failed("the ledger's writer has stopped");
        self.queue.send(append).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// The entries that the filter selects, the oldest first.
    pub async fn list(&self, filter: &EventFilter) -> Result<Vec<Entry>> {
        let mut query = QueryBuilder::<Sqlite>::new("select * from events where 1 = 1");
        let equal = [
            (" and principal = ", filter.principal.clone()),
            (" and resource = ", filter.resource.clone()),
            (" and role = ", filter.role.clone()),
            (
                " and grant_id = ",
                filter.grant.as_ref().map(ToString::to_string),
            ),
        ];
        for (clause, value) in equal {
            if let Some(value) = value {
                query.push(clause).push_bind(value);
            }
        }
        if let Some(since) = filter.since {
            query.push(" and at >= ").push_bind(since.millis());
        }
        if let Some(until) = filter.until {
            query.push(" and at < ").push_bind(until.millis());
        }
        query.push(" order by seq desc");
        if let Some(limit) = filter.limit {
            query.push(" limit ").push_bind(i64::from(limit));
        }
        let rows = query
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(|error| broken("read", &error))?;
        rows.iter().rev().map(entry).collect()
    }

    /// Recomputes the chain from the first entry to the last.
    pub async fn verify(&self) -> Result<Verification> {
        let connection = self.pool.acquire().await;
        let mut connection = connection.map_err(|error| broken("read", &error))?;
        verify_behind(&mut connection, 0, GENESIS.to_owned()).await
    }
}

/// Recomputes the chain behind the entry at `place`, whose hash is `head`, to the last entry.
pub(super) async fn verify_behind(
    connection: &mut SqliteConnection,
    mut place: i64,
    mut head: String,
) -> Result<Verification> {
    const PAGE: i64 = 1000;
    loop {
        let rows = sqlx::query("select * from events where seq > $1 order by seq limit $2")
            .bind(place)
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| broken("read", &error))?;
        if rows.is_empty() {
            let entries = place;
            return Ok(Verification::Whole { entries, head });
        }
        for row in rows {
            let stored = stored(&row).map_err(|error| broken("read", &error))?;
            if let Err(what) = stored.verify(&head, place + 1) {
                let entry = place + 1;
                return Ok(Verification::Broken { entry, what });
            }
            place += 1;
            head = stored.hash;
        }
    }
}

/// The writer: takes what waits, up to a group, and commits it at once, so that many who append at
/// the same time pay for one write to the disk.
async fn write(pool: SqlitePool, mut waiting: mpsc::Receiver<Append>) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let outcome = commit(&pool, &group).await;
        for append in group.drain(..) {
            // Whoever gave up waiting does not hear it; the event stays recorded.
            drop(append.done.send(outcome.clone()));
        }
    }
}

async fn commit(pool: &SqlitePool, group: &[Append]) -> Result<()> {
    let written = |error| broken("written", &error);
    let mut transaction = pool.begin_with("begin immediate").await.map_err(written)?;
    let (mut place, mut head) = tail(&mut transaction).await.map_err(written)?;
    for append in group {
        place += 1;
        let stored = Stored::new(&head, place, &append.event)?;
        insert(&mut transaction, &stored).await.map_err(written)?;
        if let Some(elevation) = &append.elevation {
            upsert(&mut transaction, elevation).await?;
        }
        head = stored.hash;
    }
    transaction.commit().await.map_err(written)
}

async fn tail(connection: &mut SqliteConnection) -> sqlx::Result<(i64, String)> {
    let last = sqlx::query("select seq, hash from events order by seq desc limit 1")
        .fetch_optional(connection)
        .await?;
    match last {
        Some(row) => Ok((row.try_get("seq")?, row.try_get("hash")?)),
        None => Ok((0, GENESIS.to_owned())),
    }
}

async fn insert(connection: &mut SqliteConnection, stored: &Stored) -> sqlx::Result<()> {
    let (at, kind, grant, principal, resource, role) = &stored.columns;
    sqlx::query(
        "insert into events (seq, at, kind, grant_id, principal, resource, role, body, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(stored.seq)
    .bind(at)
    .bind(kind)
    .bind(grant)
    .bind(principal)
    .bind(resource)
    .bind(role)
    .bind(&stored.body)
    .bind(&stored.hash)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes where an elevation is. A grant of a kind that leaves something at its target is settled once
/// it is over and the target was told ([`super::open::Store::settle`]); all others are settled from
/// the start.
async fn upsert(connection: &mut SqliteConnection, elevation: &Elevation) -> Result<()> {
    let asked_at = elevation.request.asked_at;
    let revoked = kept(connection, &elevation.request.id)
        .await?
        .filter(|kept| kept.state(asked_at) == State::Revoked);
    // Whoever read it before it was revoked does not bring it back.
    let elevation = revoked.as_ref().unwrap_or(elevation);
    let body = serde_json::to_string(elevation)
        .map_err(|error| Failure::failed("an elevation cannot be written").because(&error))?;
    let granted = matches!(elevation.state(asked_at), State::Granted | State::Revoked);
    let leaves_something = match elevation.request.entitlement.resource.kind() {
        Kind::Kubernetes | Kind::Postgres => granted,
        Kind::Ssh | Kind::Aws => false,
    };
    let live = elevation.live(asked_at);
    let expires_at = live.map_or(asked_at, |grant| grant.expires_at);
    sqlx::query(
        "insert into elevations (id, principal, expires_at, settled, body)
         values ($1, $2, $3, $4, $5)
         on conflict (id) do update set expires_at = $3, settled = $4, body = $5",
    )
    .bind(elevation.request.id.as_str())
    .bind(elevation.request.principal.name())
    .bind(expires_at.millis())
    .bind(i64::from(!leaves_something))
    .bind(body)
    .execute(connection)
    .await
    .map_err(|error| broken("written", &error))?;
    Ok(())
}

async fn kept(connection: &mut SqliteConnection, id: &GrantId) -> Result<Option<Elevation>> {
    let row = sqlx::query("select body from elevations where id = $1")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(|error| broken("read", &error))?;
    row.as_ref().map(elevation).transpose()
}

/// An elevation as it rests in the database.
pub(super) fn elevation(row: &SqliteRow) -> Result<Elevation> {
    let body: String = row
        .try_get("body")
        .map_err(|error| broken("read", &error))?;
    serde_json::from_str(&body).map_err(|error| {
        Failure::failed("an elevation in the store cannot be read")
            .because(&error)
            .hint("\"jit audit verify\" says whether the ledger is whole")
    })
}

fn stored(row: &SqliteRow) -> sqlx::Result<Stored> {
    Ok(Stored {
        seq: row.try_get("seq")?,
        columns: (
            row.try_get("at")?,
            row.try_get("kind")?,
            row.try_get("grant_id")?,
            row.try_get("principal")?,
            row.try_get("resource")?,
            row.try_get("role")?,
        ),
        body: row.try_get("body")?,
        hash: row.try_get("hash")?,
    })
}

fn entry(row: &SqliteRow) -> Result<Entry> {
    let stored = stored(row).map_err(|error| broken("read", &error))?;
    let event = serde_json::from_str(&stored.body).map_err(|error| {
        Failure::failed(format!(
            "entry {} of the ledger is not an event",
            stored.seq
        ))
        .because(&error)
        .hint("\"jit audit verify\" names the first broken entry")
    })?;
    Ok(Entry {
        seq: stored.seq,
        event,
        hash: stored.hash,
    })
}
