//! What goes wrong in the database, as the user sees it.

use sqlx::{Error, error::DatabaseError};

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
    if is_there_already(error) {
        return Failure::denied("it is there already")
            .because(error)
            .of_nature(Nature::Conflict);
    }
    if is_away(error) {
        return failure.of_nature(Nature::Away);
    }
    failure
}

/// Whether a row of the same key was there before.
fn is_there_already(error: &Error) -> bool {
    let error = error.as_database_error();
    error.is_some_and(DatabaseError::is_unique_violation)
}

/// Whether the database is away just now: stopped, restarting, failed over, busy beyond all patience,
/// or out of connections.
pub(super) fn is_away(error: &Error) -> bool {
    let lost = matches!(
        error,
        Error::Io(_)
            | Error::Tls(_)
            | Error::Protocol(_)
            | Error::PoolTimedOut
            | Error::PoolClosed
            | Error::WorkerCrashed
    );
    let code = error.as_database_error().and_then(DatabaseError::code);
    lost || code.is_some_and(|code| is_passing(&code))
}

/// PostgreSQL's classes 08 (connection), 53 (resources) and 57 (operator intervention, and a statement
/// that took too long), 25006 (a standby that was the primary), 40 (a deadlock), 55P03 (a lock that was
/// waited for too long), and those of one who waited for a transaction and was cut off; SQLite's 5 (busy).
fn is_passing(code: &str) -> bool {
    let classes = ["08", "53", "57", "40"];
    let codes = ["25006", "25P03", "55P03", "5"];
    // 53100 is a full disk, which does not pass by itself.
    codes.contains(&code)
        || (code.len() == 5
            && code != "53100"
            && classes.iter().any(|class| code.starts_with(class)))
}
