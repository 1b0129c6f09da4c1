//! Whether a server can do its work, over HTTP.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer of `GET /readyz`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// `ok`
    pub status: String,
    /// SHA-256 of the policies in force: the same at each replica that has the same files.
    #[serde(default)]
    pub policy_digest: String,
    /// SHA-256 of the catalogue in force.
    #[serde(default)]
    pub catalogue_digest: String,
    /// The replicas that have other policies or another catalogue in force.
    #[serde(default)]
    pub differing_replicas: Vec<ReplicaView>,
}

/// A replica, and what it has in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicaView {
    /// Its host and port.
    pub name: String,
    /// SHA-256 of its policies.
    pub policy_digest: String,
    /// SHA-256 of its catalogue.
    pub catalogue_digest: String,
}
