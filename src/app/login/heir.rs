//! Whoever signs in after somebody else inherits nothing.

use crate::{
    app::{
        forget,
        identity::{self, Kept},
        session::Session,
    },
    domain::failure::Result,
};

/// What somebody else held here is not for whoever comes after them: it goes before they are let in.
pub(super) fn hand_over(session: &Session, server: &str, to: &Kept) -> Result<()> {
    let before = identity::kept(session, server)?;
    if before.is_some_and(|before| before.principal != to.principal) {
        forget::drop_all(session)?;
    }
    Ok(())
}
