//! Signed heads of the ledger over HTTP.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::time::Timestamp;

/// The answer of `GET /v1/checkpoints`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Checkpoints {
    /// The keys that sign or signed them, as verifiers of signed notes have them:
    /// `jit-ledger+ID+BASE64`.
    pub keys: Vec<String>,
    /// The oldest first. `?after=` the `seq` of the last one gives those behind it.
    pub checkpoints: Vec<CheckpointView>,
}

/// What the ledger was at an instant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CheckpointView {
    /// How many entries there were.
    pub seq: i64,
    /// The hash of the last one, which covers all before it.
    pub hash: String,
    /// When.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// What was signed, with its signature (C2SP signed-note): the text to keep.
    pub note: String,
}
