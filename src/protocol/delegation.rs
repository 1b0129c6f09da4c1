//! What is handed on to agents, over HTTP.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    credential::Token, entitlement::Entitlement, id::GrantId, key::PublicKey, time::Timestamp,
};

/// A session of an agent, below the caller's own (`POST /v1/delegations`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationRequest {
    /// The agent's name.
    pub to: String,
    /// The only entitlements that it may ask for.
    #[schema(value_type = Vec<String>)]
    pub only: Vec<Entitlement>,
    /// For how many seconds.
    pub ttl: u64,
    /// The Ed25519 key that its token is bound to, base64url.
    #[schema(value_type = String)]
    pub holder: PublicKey,
}

/// The agent's session.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DelegationView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: GrantId,
    /// Its token, bound to the key of the request.
    #[schema(value_type = String)]
    pub token: Token,
    /// Until when.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
}
