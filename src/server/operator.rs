//! Who works on a server's own terminal, as the ledger knows them.

use super::ground::Ground;
use crate::{
    config::account,
    domain::{
        catalogue::Catalogue,
        event::{Event, EventKind, Origin},
        failure::Result,
        id::GrantId,
    },
    platform::{keys, terminal},
};

/// An event of theirs, now.
pub(super) fn event(kind: EventKind, detail: String, ground: &Ground<'_>) -> Result<Event> {
    let now = (ground.clock)();
    let caller = account::caller(&Catalogue::default())?;
    let origin = Origin {
        terminal: terminal::name(),
        tool: Some("jit serve".to_owned()),
        ..Origin::default()
    };
    let id = GrantId::new(now, keys::random()?);
    Ok(Event {
        detail: Some(detail),
        ..Event::new(kind, now, id, caller.principal, origin)
    })
}
