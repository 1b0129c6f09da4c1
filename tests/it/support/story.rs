//! What a server has recorded.

use jit::domain::event::{Event, EventFilter, EventKind};

use super::serve::{Serve, with_authority};

/// All events of its ledger, the oldest first.
pub(crate) fn story(serve: &Serve) -> Vec<Event> {
    let entries = with_authority(&serve.path(""), async |authority| {
        let all = EventFilter::default();
        authority.store.ledger().list(&all).await.unwrap()
    });
    entries.into_iter().map(|entry| entry.event).collect()
}

/// The one event of that kind.
#[track_caller]
pub(crate) fn only(serve: &Serve, kind: EventKind) -> Event {
    let mut of_kind: Vec<Event> = story(serve);
    of_kind.retain(|event| event.kind == kind);
    assert_eq!(of_kind.len(), 1, "{of_kind:?}");
    of_kind.remove(0)
}
