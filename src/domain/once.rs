//! What may be used once.

use super::time::Timestamp;

/// Something that may be used once: a token of somebody else, a proof of possession, a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// What it is, so that nothing else has the same name: `id-token HASH`.
    pub id: String,
    /// When it is good for nothing any more.
    pub until: Timestamp,
}
