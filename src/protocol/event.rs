//! The ledger over HTTP: pages of entries by cursor, and whether the chain is whole.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::event::Entry;

/// A page of the ledger (`GET /v1/events?after=SEQ&limit=N`, and the filters `principal`, `resource`,
/// `role`, `grant`, `since`, `until`), the oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The entries behind the cursor.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<Entry>,
    /// The cursor of the next page; absent where this one reaches the end.
    #[serde(default)]
    pub next: Option<i64>,
}

/// Whether the chain of the ledger is whole (`GET /v1/events/verification`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verification {
    /// It is what was written.
    Whole {
        /// How many entries it has.
        entries: i64,
        /// The hash of the last one.
        head: String,
    },
    /// It is not.
    Broken {
        /// The first entry that is not what was written.
        entry: i64,
        /// What is wrong with it.
        what: String,
    },
}
