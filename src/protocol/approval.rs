//! What people say to a request, over HTTP.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A yes or a no (`POST /v1/elevations/{id}/approval`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequest {
    /// What is said.
    pub answer: Answer,
    /// What is said with it; a no needs it.
    #[serde(default)]
    pub comment: Option<String>,
}

/// What is said to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Yes.
    Approve,
    /// No.
    Deny,
}
