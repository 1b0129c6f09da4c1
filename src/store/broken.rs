//! What goes wrong in the database, as the user sees it.

use sqlx::Error;

use crate::domain::failure::Failure;

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
    Failure::failed(format!("the ledger cannot be {what}"))
        .because(error)
        .hint(hint)
}
