//! Two databases behind one text of SQL: SQLite for one process, PostgreSQL for many.

use sqlx::{Sqlite, SqlitePool};

pub use super::statement::{Row, Statement, Value};
use super::{broken::broken, postgres, sqlite};
use crate::domain::failure::Result;

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
    Postgres(postgres::Server),
}

impl Database {
    /// The rows that a `select` finds.
    pub(super) async fn rows(&self, statement: &Statement) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite { readers, .. } => sqlite::rows(readers, statement).await,
            Self::Postgres(server) => server.rows(statement).await,
        }
    }

    /// Runs a statement by itself; how many rows it changed.
    pub(super) async fn run(&self, statement: &Statement) -> Result<u64> {
        match self {
            Self::Sqlite { writer, .. } => sqlite::run(writer, statement).await,
            Self::Postgres(server) => server.run(statement).await,
        }
    }

    /// Begins what nobody else writes meanwhile, in this process or another.
    pub(super) async fn begin(&self) -> Result<Transaction> {
        match self {
            Self::Sqlite { writer, .. } => {
                let begun = writer.begin_with("begin immediate").await;
                let begun = begun.map_err(|error| broken("written", &error))?;
                Ok(Transaction::Sqlite(begun))
            }
            Self::Postgres(server) => server.begin().await.map(Transaction::Postgres),
        }
    }

    /// Writes what is still in a log into the database and closes it.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(server) => server.close().await,
        }
    }
}

/// Statements that are all on the disk once it is committed, or not at all.
pub(super) enum Transaction {
    /// SQLite's.
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    /// PostgreSQL's.
    Postgres(postgres::Begun),
}

impl Transaction {
    /// The rows that a `select` finds.
    pub(super) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(open) => sqlite::rows(&mut **open, statement).await,
            Self::Postgres(open) => open.rows(statement).await,
        }
    }

    /// Runs a statement; how many rows it changed.
    pub(super) async fn run(&mut self, statement: &Statement) -> Result<u64> {
        match self {
            Self::Sqlite(open) => sqlite::run(&mut **open, statement).await,
            Self::Postgres(open) => open.run(statement).await,
        }
    }

    /// Runs statements one after the other. To SQLite they are handed over together: to wake the thread
    /// that it runs on costs as much as a small statement.
    pub(super) async fn run_all(&mut self, all: Vec<Statement>) -> Result<()> {
        match self {
            Self::Sqlite(open) => {
                let all = Statement::chained(all, "; ");
                sqlite::run(&mut **open, &all).await?;
            }
            Self::Postgres(open) => {
                for statement in &all {
                    open.run(statement).await?;
                }
            }
        }
        Ok(())
    }

    /// Runs a script without values.
    pub(super) async fn script(&mut self, sql: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(open) => {
                let ran = sqlx::raw_sql(sql).execute(&mut **open).await;
                ran.map(drop).map_err(|error| broken("prepared", &error))
            }
            Self::Postgres(open) => open.script(sql).await,
        }
    }

    /// When this comes back, all of it is on the disk.
    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(open) => {
                let committed = open.commit().await;
                committed.map_err(|error| broken("written", &error))
            }
            Self::Postgres(open) => open.commit().await,
        }
    }
}
