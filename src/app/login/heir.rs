//! Whoever signs in after somebody else inherits nothing.

use crate::{
    app::{
        forget,
        identity::{self, Kept},
        session::Session,
    },
    domain::failure::Result,
};

/// Keeps the session of whoever signed in. What somebody else held here is not for them: it goes before.
pub(super) fn keep(session: &Session, server: &str, entered: &Kept) -> Result<()> {
    let before = identity::kept(session, server)?;
    if before.is_some_and(|before| before.principal != entered.principal) {
        forget::drop_all(session)?;
    }
    identity::keep(session, server, entered)
}
