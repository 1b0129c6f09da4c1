//! What operators are alerted of at once.

use super::Authority;
use crate::{
    domain::event::{Event, EventKind},
    platform::terminal,
};

impl Authority {
    /// Writes a break-glass elevation to the log of a server, as one line of JSON.
    pub(super) fn alert(&self, event: &Event) {
        if self.approvers
            && event.kind == EventKind::BreakGlass
            && let Ok(event) = serde_json::to_string(event)
        {
            terminal::report(&format!("{{\"alert\":\"break-glass\",\"event\":{event}}}"));
        }
    }
}
