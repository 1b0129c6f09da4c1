//! Statements on PostgreSQL, over connections that are replaced when the server went away, was
//! restarted, or is not the primary any more.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use secrecy::SecretString;
use sqlx::{
    Column as _, Error, PgPool, Postgres, Row as _, TypeInfo as _,
    error::DatabaseError,
    pool::PoolConnection,
    postgres::{PgArguments, PgPoolOptions, PgRow},
    query::Query,
    raw_sql,
};
use tokio::time::timeout;

use super::{
    address::Address,
    broken::{broken, is_away},
    hosts::{BEGIN_POOLED, Hosts},
    statement::{Row, Statement, Value},
    writes::Writes,
};
use crate::domain::failure::{Failure, Nature, Result};

/// How many connections one replica holds at most.
const CONNECTIONS: u32 = 8;

/// How long a connection is waited for: a restart of the server passes unnoticed.
const CONNECT: Duration = Duration::from_secs(5);

/// Longer than the server's own limits below, for a server that has fallen silent.
const SILENCE: Duration = Duration::from_secs(15);

/// What every writer of the ledger holds while it commits: "jit" in ASCII.
const LOCK: &str = "select pg_advisory_xact_lock(6973812)";
const BEGIN: &str = "begin; select pg_advisory_xact_lock(6973812)";

/// Why a server cannot be reached.
fn unreachable(error: &Error) -> Failure {
    broken("opened", error).hint(
        "look whether PostgreSQL runs there, and correct what `database` in server.toml names",
    )
}

/// A server, and when it was last in trouble: connections from before then are not used again.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pool: PgPool,
    /// Whether it takes writes.
    pub(super) writes: Writes,
    hosts: Hosts,
    trouble: Arc<Mutex<Option<Instant>>>,
}

impl Server {
    /// The server of a `postgres://` URL, once it answers.
    pub(super) async fn connect(url: &SecretString) -> Result<Self> {
        let (hosts, chosen) = Hosts::of(Address::parse(url)?).await;
        let chosen = chosen.map_err(|error| unreachable(&error))?;
        let for_new = hosts.clone();
        let trouble = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&trouble);
        let connected = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT)
            // Asking before each use would cost each use a round trip.
            .test_before_acquire(false)
            .before_acquire(move |_, of| {
                let fresh = is_fresh(&seen, of.age);
                Box::pin(async move { Ok(fresh) })
            })
            .after_connect(move |connection, _| {
                let hosts = for_new.clone();
                Box::pin(async move { hosts.prepare(connection).await })
            })
            .connect_with(chosen)
            .await;
        match connected {
            Ok(pool) => Ok(Self {
                pool,
                writes: Writes::default(),
                hosts,
                trouble,
            }),
            Err(error) => Err(unreachable(&error)),
        }
    }

    /// The rows that a `select` finds; asked once more where the connection turned out to be dead.
    pub(super) async fn rows(&self, statement: &Statement) -> Result<Vec<Row>> {
        match self.rows_once(statement).await {
            Err(error) if may_be_another(&error) => self.rows_once(statement).await,
            outcome => outcome,
        }
        .map_err(|error| broken("read", &error))
        .and_then(|rows| rows.iter().map(row).collect())
    }

    /// Runs a statement by itself; how many rows it changed.
    pub(super) async fn run(&self, statement: &Statement) -> Result<u64> {
        if self.hosts.is_pooled {
            let mut begun = self.open().await?;
            let ran = begun.run(statement).await?;
            begun.commit().await?;
            return Ok(ran);
        }
        let ran = self
            .patiently(async { self.query(statement).execute(&self.pool).await })
            .await;
        let ran = ran
            .map(|done| done.rows_affected())
            .map_err(|error| broken("written", &error));
        self.writes.note(&ran);
        ran
    }

    /// Begins what no other writer of the ledger does meanwhile.
    pub(super) async fn begin(&self) -> Result<Begun> {
        let begun = match self.begin_once().await {
            Err(error) if may_be_another(&error) => self.begin_once().await,
            outcome => outcome,
        };
        let begun = begun.map_err(|error| broken("written", &error));
        if begun.is_err() {
            self.writes.note(&begun);
        }
        begun
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    async fn rows_once(&self, statement: &Statement) -> sqlx::Result<Vec<PgRow>> {
        if !self.hosts.is_pooled {
            return self
                .patiently(async { self.query(statement).fetch_all(&self.pool).await })
                .await;
        }
        let mut begun = self.open_once().await?;
        let asked = self.query(statement).fetch_all(&mut *begun.connection);
        let rows = self.patiently(asked).await?;
        let ended = raw_sql("commit").execute(&mut *begun.connection);
        self.patiently(ended).await?;
        begun.state = State::Committed;
        Ok(rows)
    }

    async fn begin_once(&self) -> sqlx::Result<Begun> {
        if self.hosts.is_pooled {
            let mut begun = self.open_once().await?;
            let locked = raw_sql(LOCK).execute(&mut *begun.connection);
            self.patiently(locked).await?;
            return Ok(begun);
        }
        self.begun(BEGIN).await
    }

    /// Begins what is of one statement alone, behind a pooler.
    async fn open(&self) -> Result<Begun> {
        let begun = match self.open_once().await {
            Err(error) if may_be_another(&error) => self.open_once().await,
            outcome => outcome,
        };
        begun.map_err(|error| broken("written", &error))
    }

    async fn open_once(&self) -> sqlx::Result<Begun> {
        self.begun(BEGIN_POOLED).await
    }

    async fn begun(&self, sql: &'static str) -> sqlx::Result<Begun> {
        self.patiently(async {
            let mut begun = Begun {
                connection: self.pool.acquire().await?,
                server: self.clone(),
                state: State::Open,
            };
            raw_sql(sql).execute(&mut *begun.connection).await?;
            Ok(begun)
        })
        .await
    }

    /// A statement with its values. Behind a pooler none is prepared for later, since the next transaction
    /// may be another connection's.
    fn query(&self, statement: &Statement) -> Query<'static, Postgres, PgArguments> {
        query(statement).persistent(!self.hosts.is_pooled)
    }

    /// Waits for an answer, but not for ever, and remembers trouble.
    async fn patiently<T>(&self, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        let answer = timeout(SILENCE, answer).await;
        let answer = answer.unwrap_or(Err(Error::PoolTimedOut));
        if answer.as_ref().is_err_and(is_away) {
            let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            *trouble = Some(Instant::now());
            drop(trouble);
            self.hosts.follow(&self.pool);
        }
        answer
    }
}

fn is_fresh(trouble: &Mutex<Option<Instant>>, age: Duration) -> bool {
    let trouble = *trouble.lock().unwrap_or_else(PoisonError::into_inner);
    trouble.is_none_or(|at| age < at.elapsed())
}

/// Whether another connection may do better at once: not where none was to be had, nor where this one
/// waited for a lock or was too slow.
fn may_be_another(error: &Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let waited = code.is_some_and(|code| code == "55P03" || code == "57014");
    is_away(error) && !waited && !matches!(error, Error::PoolTimedOut | Error::PoolClosed)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Broken,
    Committed,
}

/// A transaction. Where it is not committed, its connection is given up with it.
pub(super) struct Begun {
    connection: PoolConnection<Postgres>,
    server: Server,
    state: State,
}

impl Begun {
    pub(super) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>> {
        let asked = self.server.query(statement);
        let asked = asked.fetch_all(&mut *self.connection);
        let rows = self.server.patiently(asked).await;
        let rows = self.noted(rows, "read")?;
        rows.iter().map(row).collect()
    }

    pub(super) async fn run(&mut self, statement: &Statement) -> Result<u64> {
        let ran = self.server.query(statement);
        let ran = ran.execute(&mut *self.connection);
        let ran = self.server.patiently(ran).await;
        self.noted(ran, "written").map(|done| done.rows_affected())
    }

    pub(super) async fn script(&mut self, sql: &'static str) -> Result<()> {
        let ran = raw_sql(sql).execute(&mut *self.connection);
        let ran = self.server.patiently(ran).await;
        self.noted(ran, "prepared").map(drop)
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        // PostgreSQL answers the commit of a broken transaction by rolling it back, and says so only
        // in passing.
        if self.state != State::Open {
            return Err(Failure::failed("the ledger cannot be written").of_nature(Nature::Away));
        }
        let committed = self.script("commit").await;
        self.server.writes.note(&committed);
        committed?;
        self.state = State::Committed;
        Ok(())
    }

    fn noted<T>(&mut self, outcome: sqlx::Result<T>, what: &str) -> Result<T> {
        let outcome = outcome.map_err(|error| {
            self.state = State::Broken;
            broken(what, &error)
        });
        if outcome.is_err() {
            self.server.writes.note(&outcome);
        }
        outcome
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.state != State::Committed {
            self.connection.close_on_drop();
        }
    }
}

fn query(statement: &Statement) -> Query<'static, Postgres, PgArguments> {
    let query = sqlx::query(statement.text());
    let values = statement.values().iter();
    values.fold(query, |query, value| match value {
        Value::Int(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.clone()),
    })
}

fn row(row: &PgRow) -> Result<Row> {
    let values =
        row.columns()
            .iter()
            .enumerate()
            .map(|(at, column)| match column.type_info().name() {
                "INT8" => row.try_get::<i64, _>(at).map(Value::Int),
                "INT4" => row
                    .try_get::<i32, _>(at)
                    .map(|number| Value::Int(number.into())),
                _ => row.try_get::<String, _>(at).map(Value::Text),
            });
    let values: sqlx::Result<Vec<Value>> = values.collect();
    values.map(Row).map_err(|error| broken("read", &error))
}
