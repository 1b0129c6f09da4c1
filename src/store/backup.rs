//! A copy of a store that can be kept elsewhere, and putting one back.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::{
    database::{Database, Statement},
    open::Store,
};
use crate::{
    domain::failure::{Failure, Result},
    platform::{copies, files},
};

impl Store {
    /// Copies all of it, as it is at one instant, into a new file of mode 0600. Others go on writing.
    ///
    /// # Errors
    /// There is something at that path already; the disk is full; the database is PostgreSQL, which has
    /// its own tools for that.
    pub async fn back_up(&self, file: &Path) -> Result<()> {
        let Database::Sqlite { .. } = &self.database else {
            return Err(Failure::usage(
                "the database is PostgreSQL, which is backed up by its own tools",
            )
            .hint("run: pg_dump --format=custom --file=FILE URL; keep the sealing key elsewhere"));
        };
        copies::make_private(file)?;
        let copy = Statement::new("vacuum into $1", [file.to_string_lossy().as_ref().into()]);
        let copied = self.database.run(&copy).await;
        let copied = copied.and_then(|_| copies::settle(file));
        copied.inspect_err(|_| drop(files::remove(file)))
    }
}

/// The files of a database that SQLite has beside it while it is open.
fn all(file: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = OsString::from(file);
        name.push(end);
        PathBuf::from(name)
    })
}

/// Puts the database in `copy` in the place of the one in `file`, which is moved away under the name
/// that comes back. Both are closed.
///
/// # Errors
/// Somebody uses the one that is there.
pub async fn replace(file: &Path, copy: &Path, named: &str) -> Result<Option<PathBuf>> {
    let moved = if files::is_private(file)? {
        refuse_in_use(file).await?;
        let mut name = OsString::from(file);
        name.push(format!(".{named}"));
        let aside = PathBuf::from(name);
        for (from, to) in all(file).iter().zip(all(&aside)) {
            copies::rename(from, &to)?;
        }
        Some(aside)
    } else {
        None
    };
    copies::rename(copy, file)?;
    Ok(moved)
}

/// Writes what is in the log into the file, which works only where nobody else has it open.
///
/// # Errors
/// Somebody uses it.
pub async fn refuse_in_use(file: &Path) -> Result<()> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Delete)
        .busy_timeout(Duration::from_secs(1));
    match options.connect().await {
        Ok(alone) => alone
            .close()
            .await
            .map_err(|error| Failure::failed("the ledger cannot be closed").because(&error)),
        Err(error) if error.to_string().contains("locked") => Err(Failure::failed(format!(
            "a server is still using {}",
            file.display()
        ))
        .hint("stop it, then try again")),
        // It is no database any more, which may be why it is replaced.
        Err(_) => Ok(()),
    }
}
