//! Two databases behind one text of SQL: SQLite for one process, PostgreSQL for many. What is asked of PostgreSQL
//! is boxed: its futures are deep.

pub use super::statement::{Row, Statement, Value};
use super::{postgres, sqlite, writes::Writes};
use crate::domain::failure::Result;

/// An open database. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) enum Database {
    /// One file. Writers queue for one connection, so that none waits for SQLite's own lock.
    Sqlite(sqlite::File),
    /// A server that any number of replicas share.
    Postgres(postgres::Server),
}

impl Database {
    /// The rows that a `select` finds.
    pub(super) async fn rows(&self, statement: &Statement) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(file) => file.rows(statement).await,
            Self::Postgres(server) => Box::pin(server.rows(statement)).await,
        }
    }

    /// Runs a statement by itself; how many rows it changed.
    pub(super) async fn run(&self, statement: &Statement) -> Result<u64> {
        match self {
            Self::Sqlite(file) => file.run(statement).await,
            Self::Postgres(server) => Box::pin(server.run(statement)).await,
        }
    }

    /// Begins what nobody else writes meanwhile, in this process or another.
    pub(super) async fn begin(&self) -> Result<Transaction> {
        match self {
            Self::Sqlite(file) => file.begin().await.map(Transaction::Sqlite),
            Self::Postgres(server) => {
                let begun = Box::pin(server.begin()).await;
                begun.map(Transaction::Postgres)
            }
        }
    }

    /// Whether it takes writes.
    pub(super) const fn writes(&self) -> &Writes {
        match self {
            Self::Sqlite(file) => &file.writes,
            Self::Postgres(server) => &server.writes,
        }
    }

    /// Writes what is still in a log into the database and closes it.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(file) => file.close().await,
            Self::Postgres(server) => server.close().await,
        }
    }
}

/// Statements that are all on the disk once it is committed, or not at all.
pub(super) enum Transaction {
    /// SQLite's.
    Sqlite(sqlite::Begun),
    /// PostgreSQL's.
    Postgres(postgres::Begun),
}

impl Transaction {
    /// The rows that a `select` finds.
    pub(super) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(open) => open.rows(statement).await,
            Self::Postgres(open) => open.rows(statement).await,
        }
    }

    /// Runs a statement; how many rows it changed.
    pub(super) async fn run(&mut self, statement: &Statement) -> Result<u64> {
        match self {
            Self::Sqlite(open) => open.run(statement).await,
            Self::Postgres(open) => open.run(statement).await,
        }
    }

    /// Runs statements one after the other. To SQLite they are handed over together: to wake the thread
    /// that it runs on costs as much as a small statement.
    pub(super) async fn run_all(&mut self, all: Vec<Statement>) -> Result<()> {
        match self {
            Self::Sqlite(open) => {
                open.run(&Statement::chained(all, "; ")).await?;
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
            Self::Sqlite(open) => open.script(sql, "prepared").await,
            Self::Postgres(open) => open.script(sql).await,
        }
    }

    /// When this comes back, all of it is on the disk.
    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(open) => open.commit().await,
            Self::Postgres(open) => open.commit().await,
        }
    }
}
