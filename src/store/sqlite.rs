//! Statements on SQLite, and transactions whose connection is given up where they fail.

use std::path::{Path, PathBuf};

use sqlx::{
    Executor, Row as _, Sqlite, SqlitePool,
    pool::PoolConnection,
    query::Query,
    raw_sql,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{
    broken::broken,
    statement::{Row, Statement, Value},
    writes::Writes,
};
use crate::domain::failure::{Failure, Result};

/// A database in a file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// For reading beside the writer; in a process that does one thing, the same.
    pub(super) readers: SqlitePool,
    /// For writing.
    pub(super) writer: SqlitePool,
    /// The write-ahead log beside it.
    log: PathBuf,
    /// Whether it takes writes.
    pub(super) writes: Writes,
}

impl File {
    /// That database, with its open connections.
    pub(super) fn new(file: &Path, readers: SqlitePool, writer: SqlitePool) -> Self {
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        Self {
            readers,
            writer,
            log: log.into(),
            writes: Writes::default(),
        }
    }

    /// The rows that a `select` finds.
    pub(super) async fn rows(&self, statement: &Statement) -> Result<Vec<Row>> {
        rows(&self.readers, statement).await
    }

    /// Runs a statement by itself; how many rows it changed.
    pub(super) async fn run(&self, statement: &Statement) -> Result<u64> {
        let ran = run(&self.writer, statement).await;
        self.writes.note(&ran);
        ran
    }

    /// Begins what no other process writes meanwhile.
    pub(super) async fn begin(&self) -> Result<Begun> {
        let connection = self.writer.acquire().await;
        let connection = connection.map_err(|error| broken("written", &error))?;
        let mut begun = Begun {
            connection,
            file: self.clone(),
            committed: false,
        };
        begun.script("begin immediate", "written").await?;
        Ok(begun)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Refuses to commit into a log that has no name any more: what is in it is lost with this process.
    fn check_log(&self) -> Result<()> {
        if self.log.exists() {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "the ledger's log {} was removed while it was in use",
            self.log.display()
        ))
        .hint("end this process by SIGTERM, which writes what is in the log into the ledger, and start it again"))
    }
}

/// A transaction. Where it is not committed, its connection is given up with it: SQLite may have rolled it
/// back by itself, as on a full disk, or not.
pub(super) struct Begun {
    connection: PoolConnection<Sqlite>,
    file: File,
    committed: bool,
}

impl Begun {
    pub(super) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>> {
        rows(&mut *self.connection, statement).await
    }

    pub(super) async fn run(&mut self, statement: &Statement) -> Result<u64> {
        let ran = run(&mut *self.connection, statement).await;
        self.note_failure(&ran);
        ran
    }

    /// Runs a script without values.
    pub(super) async fn script(&mut self, sql: &'static str, what: &str) -> Result<()> {
        let ran = raw_sql(sql).execute(&mut *self.connection).await;
        let ran = ran.map(drop).map_err(|error| broken(what, &error));
        self.note_failure(&ran);
        ran
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        let mut outcome = self.file.check_log();
        if outcome.is_ok() {
            outcome = self.script("commit", "written").await;
        }
        self.committed = outcome.is_ok();
        self.file.writes.note(&outcome);
        outcome
    }

    fn note_failure<T>(&self, outcome: &Result<T>) {
        if outcome.is_err() {
            self.file.writes.note(outcome);
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.committed {
            self.connection.close_on_drop();
        }
    }
}

async fn rows<'c>(
    on: impl Executor<'c, Database = Sqlite>,
    statement: &Statement,
) -> Result<Vec<Row>> {
    let rows = query(statement).fetch_all(on).await;
    let rows = rows.map_err(|error| broken("read", &error))?;
    rows.iter().map(row).collect()
}

async fn run<'c>(on: impl Executor<'c, Database = Sqlite>, statement: &Statement) -> Result<u64> {
    let ran = query(statement).execute(on).await;
    ran.map(|done| done.rows_affected())
        .map_err(|error| broken("written", &error))
}

fn query(statement: &Statement) -> Query<'static, Sqlite, SqliteArguments> {
    let query = sqlx::query(statement.text());
    let values = statement.values().iter();
    values.fold(query, |query, value| match value {
        Value::Int(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.clone()),
    })
}

fn row(row: &SqliteRow) -> Result<Row> {
    let values = (0..row.len()).map(|at| {
        let number = row.try_get::<i64, _>(at).map(Value::Int);
        number.or_else(|_| row.try_get::<String, _>(at).map(Value::Text))
    });
    let values: sqlx::Result<Vec<Value>> = values.collect();
    values.map(Row).map_err(|error| broken("read", &error))
}
