//! Statements on PostgreSQL, over connections that are replaced when the server went away, was
//! restarted, or is not the primary any more.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    Column as _, Connection as _, Error, PgConnection, PgPool, Postgres, Row as _, TypeInfo as _,
    error::DatabaseError,
    pool::PoolConnection,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
    query::Query,
    raw_sql,
};
use tokio::time::timeout;

use super::{
    broken::{broken, is_away},
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

/// What each connection begins with. No statement takes longer, no lock is waited for longer, and who
/// falls silent within a transaction loses its lock. An event is on the disk once it is committed,
/// whatever the server's default is.
///
/// A statement is planned once, since to plan a group's conditions takes longer than to answer them; and as
/// rows are looked up by their keys, never by a walk through a table, which may have been empty when that
/// was planned.
const SETTINGS: &str = "set statement_timeout = '10s'; set lock_timeout = '8s'; \
     set idle_in_transaction_session_timeout = '20s'; \
     set plan_cache_mode = 'force_generic_plan'; \
     set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; \
     select set_config('synchronous_commit', 'on', false) \
     where current_setting('synchronous_commit') = 'off'";

/// What every writer of the ledger holds while it commits: "jit" in ASCII.
const BEGIN: &str = "begin; select pg_advisory_xact_lock(6973812)";

/// Why a server cannot be reached: a pool says no more than that it waited.
async fn unreachable(options: &PgConnectOptions, error: Error) -> Failure {
    let again = PgConnection::connect_with(options);
    let error = match timeout(CONNECT, again).await {
        Ok(Err(cause)) if matches!(error, Error::PoolTimedOut) => cause,
        Ok(_) | Err(_) => error,
    };
    let failure = broken("opened", &error);
    let hint =
        "look whether PostgreSQL runs there, and correct what `database` in server.toml names";
    failure.hint(hint)
}

/// A server, and when it was last in trouble: connections from before then are not used again.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pool: PgPool,
    /// Whether it takes writes.
    pub(super) writes: Writes,
    trouble: Arc<Mutex<Option<Instant>>>,
}

impl Server {
    /// The server of a `postgres://` URL, once it answers.
    pub(super) async fn connect(url: &SecretString) -> Result<Self> {
        let options: PgConnectOptions = url.expose_secret().parse().map_err(|_| {
            Failure::failed("the database's address is not a PostgreSQL URL")
                .hint("write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full")
        })?;
        let options = options.application_name("jit serve");
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
            .after_connect(|connection, _| Box::pin(prepare(connection)))
            .connect_with(options.clone())
            .await;
        match connected {
            Ok(pool) => Ok(Self {
                pool,
                writes: Writes::default(),
                trouble,
            }),
            Err(error) => Err(unreachable(&options, error).await),
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
        let ran = self
            .patiently(async { query(statement).execute(&self.pool).await })
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
        self.patiently(async { query(statement).fetch_all(&self.pool).await })
            .await
    }

    async fn begin_once(&self) -> sqlx::Result<Begun> {
        self.patiently(async {
            let mut begun = Begun {
                connection: self.pool.acquire().await?,
                server: self.clone(),
                state: State::Open,
            };
            raw_sql(BEGIN).execute(&mut *begun.connection).await?;
            Ok(begun)
        })
        .await
    }

    /// Waits for an answer, but not for ever, and remembers trouble.
    async fn patiently<T>(&self, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        let answer = timeout(SILENCE, answer).await;
        let answer = answer.unwrap_or(Err(Error::PoolTimedOut));
        if answer.as_ref().is_err_and(is_away) {
            let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            *trouble = Some(Instant::now());
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

/// Sets a new connection up. One to a standby is none: whoever asks waits until there is a primary.
async fn prepare(connection: &mut PgConnection) -> sqlx::Result<()> {
    raw_sql(SETTINGS).execute(&mut *connection).await?;
    let select = "select current_setting('transaction_read_only')";
    let read_only: String = sqlx::query_scalar(select).fetch_one(connection).await?;
    if read_only == "on" {
        return Err(Error::Protocol("the database is read-only".to_owned()));
    }
    Ok(())
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
        let asked = query(statement).fetch_all(&mut *self.connection);
        let rows = self.server.patiently(asked).await;
        let rows = self.noted(rows, "read")?;
        rows.iter().map(row).collect()
    }

    pub(super) async fn run(&mut self, statement: &Statement) -> Result<u64> {
        let ran = query(statement).execute(&mut *self.connection);
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
