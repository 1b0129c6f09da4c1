//! What goes wrong in the database, as the user sees it.

use sqlx::Error;

use crate::domain::failure::{Failure, Nature};

/// An error of the database, as the user sees it.
pub(super) fn broken(what: &str, error: &Error) -> Failure {
    let words = error.to_string();
    let hint = if words.contains("disk is full") || words.contains("disk I/O") {
        "no credential is given without its event: free some space and try again"
    } else if words.contains("readonly") || words.contains("unable to open") {
        "no credential is given without its event: make the state directory writable"
    } else if words.contains("not a database") || words.contains("malformed") {
        "restore the ledger from a backup, or move it away to begin a new one"
    } else {
        "no credential is given without its event; try again"
    };
    let failure = Failure::failed(format!("the ledger cannot be {what}"))
        .because(error)
        .hint(hint);
    if is_away(error) {
        return failure.of_nature(Nature::Away);
    }
    failure
}

/// Whether the database is away just now: stopped, restarting, failed over, or out of connections
/// (PostgreSQL's classes 57, operator intervention; 08, connection; 53, resources; and 25006, a standby
/// that was the primary).
fn is_away(error: &Error) -> bool {
    if let Error::Database(error) = error {
        return error.code().is_some_and(|code| {
            ["57", "08", "53", "25006"]
                .iter()
                .any(|class| code.starts_with(class))
        });
    }
    matches!(
        error,
        Error::Io(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed
    )
}
