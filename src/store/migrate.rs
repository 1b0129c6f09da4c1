//! The layout of the tables, brought up to date by whichever process comes first.

use super::database::{Database, Row, Statement};
use crate::domain::failure::{Failure, Result};

/// Each version's change, from the first; both databases read all of them.
const VERSIONS: [&str; 6] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

const FIRST: &str =
    "create table if not exists schema_version (version bigint not null primary key)";

/// Brings the tables up to date. Of many processes that start at once one does it; the others wait.
///
/// # Errors
/// The tables are of a newer version than this program knows: then nothing was changed.
pub(super) async fn migrate(database: &Database) -> Result<()> {
    // A new database has no such table; what else is wrong is found out below.
    let found = database.rows(&versions()).await.unwrap_or_default();
    if known(&found)? == VERSIONS.len() {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    transaction.script(FIRST).await?;
    // Looked at again, since somebody else may have been first.
    let known = known(&transaction.rows(&versions()).await?)?;
    for (version, sql) in (1_i64..).zip(VERSIONS).skip(known) {
        transaction.script(sql).await?;
        let note = "insert into schema_version (version) values ($1)";
        transaction
            .run(&Statement::new(note, [version.into()]))
            .await?;
    }
    transaction.commit().await
}

fn versions() -> Statement {
    let newest = "select version from schema_version order by version desc limit 1";
    Statement::new(newest, [])
}

fn known(rows: &[Row]) -> Result<usize> {
    let version = rows.first().map_or(Ok(0), |row| row.int(0))?;
    let newest = VERSIONS.len();
    match usize::try_from(version) {
        Ok(version) if version <= newest => Ok(version),
        _ => Err(Failure::failed(format!(
            "the ledger was written by a newer jit (its version is {version}, this one knows {newest})"
        ))
        .hint("update jit; nothing was changed")),
    }
}
