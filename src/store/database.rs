//! Two databases behind one text of SQL: SQLite for one process, PostgreSQL for many.
//!
//! Both take `$1`, `returning` and `on conflict`. Columns are `bigint` or `text` and never null, so
//! that a row is a list of numbers and texts, whichever database it came from.

use std::borrow::Cow;

use sqlx::{
    AssertSqlSafe, Column as _, Executor, PgPool, Postgres, Row as _, Sqlite, SqlitePool,
    TypeInfo as _,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::broken::broken;
use crate::domain::failure::{Failure, Result};

/// What every writer of the ledger holds while it commits: "jit" in ASCII, as PostgreSQL's lock.
const LOCK: i64 = 0x6a_69_74;

/// A value that is bound or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `bigint`
    Int(i64),
    /// `text`
    Text(String),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// SQL with the values of its `$1`, `$2`, …
#[derive(Clone, Debug)]
pub struct Statement {
    sql: Cow<'static, str>,
    values: Vec<Value>,
}

impl Statement {
    /// A statement that is written in these sources.
    pub fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self {
            sql: Cow::Borrowed(sql),
            values: values.into(),
        }
    }

    /// A statement that was put together from texts of these sources; foreign text goes into `values`.
    pub(super) const fn assembled(sql: String, values: Vec<Value>) -> Self {
        Self {
            sql: Cow::Owned(sql),
            values,
        }
    }
}

/// A row of an answer, by the place of its columns in the `select`.
#[derive(Clone, Debug)]
pub struct Row(Vec<Value>);

impl Row {
    /// The number in that column.
    ///
    /// # Errors
    /// There is none: the database is not ours.
    pub fn int(&self, column: usize) -> Result<i64> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Ok(*number),
            Some(Value::Text(_)) | None => Err(strange(column)),
        }
    }

    /// The text in that column.
    ///
    /// # Errors
    /// There is none: the database is not ours.
    pub fn text(&self, column: usize) -> Result<&str> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Int(_)) | None => Err(strange(column)),
        }
    }
}

fn strange(column: usize) -> Failure {
    Failure::failed(format!(
        "column {column} of the database is not what this program wrote"
    ))
    .hint("restore the ledger from a backup, or move it away to begin a new one")
}

/// An open database. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) enum Database {
    /// One file. Writers queue for one connection, so that none waits for SQLite's own lock.
    Sqlite {
        /// For reading beside the writer; in a process that does one thing, the same.
        readers: SqlitePool,
        /// For writing.
        writer: SqlitePool,
    },
    /// A server that any number of replicas share.
    Postgres(PgPool),
}

impl Database {
    /// The rows that a `select` finds.
    pub(super) async fn rows(&self, statement: &Statement) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite { readers, .. } => sqlite_rows(readers, statement).await,
            Self::Postgres(pool) => postgres_rows(pool, statement).await,
        }
    }

    /// Runs a statement by itself; how many rows it changed.
    pub(super) async fn run(&self, statement: &Statement) -> Result<u64> {
        match self {
            Self::Sqlite { writer, .. } => sqlite_run(writer, statement).await,
            Self::Postgres(pool) => postgres_run(pool, statement).await,
        }
    }

    /// Begins what nobody else writes meanwhile, in this process or another.
    pub(super) async fn begin(&self) -> Result<Transaction> {
        let opened = |error| broken("written", &error);
        match self {
            Self::Sqlite { writer, .. } => {
                let begun = writer.begin_with("begin immediate").await;
                begun.map(Transaction::Sqlite).map_err(opened)
            }
            Self::Postgres(pool) => {
                let mut begun = pool.begin().await.map_err(opened)?;
                let lock = Statement::new(
                    "select 1 from (select pg_advisory_xact_lock($1)) as held",
                    [LOCK.into()],
                );
                postgres_rows(&mut *begun, &lock).await?;
                Ok(Transaction::Postgres(begun))
            }
        }
    }

    /// Writes what is still in a log into the database and closes it.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Statements that are all on the disk once it is committed, or not at all.
pub(super) enum Transaction {
    /// SQLite's.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// PostgreSQL's.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    /// The rows that a `select` finds.
    pub(super) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(open) => sqlite_rows(&mut **open, statement).await,
            Self::Postgres(open) => postgres_rows(&mut **open, statement).await,
        }
    }

    /// Runs a statement; how many rows it changed.
    pub(super) async fn run(&mut self, statement: &Statement) -> Result<u64> {
        match self {
            Self::Sqlite(open) => sqlite_run(&mut **open, statement).await,
            Self::Postgres(open) => postgres_run(&mut **open, statement).await,
        }
    }

    /// Runs a script without values.
    pub(super) async fn script(&mut self, sql: &'static str) -> Result<()> {
        let ran = match self {
            Self::Sqlite(open) => sqlx::raw_sql(sql).execute(&mut **open).await.map(drop),
            Self::Postgres(open) => sqlx::raw_sql(sql).execute(&mut **open).await.map(drop),
        };
        ran.map_err(|error| broken("prepared", &error))
    }

    /// When this comes back, all of it is on the disk.
    pub(super) async fn commit(self) -> Result<()> {
        let committed = match self {
            Self::Sqlite(open) => open.commit().await,
            Self::Postgres(open) => open.commit().await,
        };
        committed.map_err(|error| broken("written", &error))
    }
}

fn sqlite(statement: &Statement) -> Query<'static, Sqlite, SqliteArguments> {
    let query = sqlx::query(AssertSqlSafe(statement.sql.clone().into_owned()));
    statement
        .values
        .iter()
        .fold(query, |query, value| match value {
            Value::Int(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
        })
}

fn postgres(statement: &Statement) -> Query<'static, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(statement.sql.clone().into_owned()));
    statement
        .values
        .iter()
        .fold(query, |query, value| match value {
            Value::Int(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.clone()),
        })
}

async fn sqlite_rows<'c>(
    on: impl Executor<'c, Database = Sqlite>,
    statement: &Statement,
) -> Result<Vec<Row>> {
    let rows = sqlite(statement).fetch_all(on).await;
    let rows = rows.map_err(|error| broken("read", &error))?;
    rows.iter().map(sqlite_row).collect()
}

async fn sqlite_run<'c>(
    on: impl Executor<'c, Database = Sqlite>,
    statement: &Statement,
) -> Result<u64> {
    let ran = sqlite(statement).execute(on).await;
    ran.map(|done| done.rows_affected())
        .map_err(|error| broken("written", &error))
}

async fn postgres_rows<'c>(
    on: impl Executor<'c, Database = Postgres>,
    statement: &Statement,
) -> Result<Vec<Row>> {
    let rows = postgres(statement).fetch_all(on).await;
    let rows = rows.map_err(|error| broken("read", &error))?;
    rows.iter().map(postgres_row).collect()
}

async fn postgres_run<'c>(
    on: impl Executor<'c, Database = Postgres>,
    statement: &Statement,
) -> Result<u64> {
    let ran = postgres(statement).execute(on).await;
    ran.map(|done| done.rows_affected())
        .map_err(|error| broken("written", &error))
}

fn sqlite_row(row: &SqliteRow) -> Result<Row> {
    let values = (0..row.len()).map(|at| {
        let number = row.try_get::<i64, _>(at).map(Value::Int);
        number.or_else(|_| row.try_get::<String, _>(at).map(Value::Text))
    });
    let values: sqlx::Result<Vec<Value>> = values.collect();
    values.map(Row).map_err(|error| broken("read", &error))
}

fn postgres_row(row: &PgRow) -> Result<Row> {
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
