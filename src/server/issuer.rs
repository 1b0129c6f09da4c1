//! The authority as an OIDC issuer: what targets fetch to verify its tokens, without a word about who
//! they are.

use axum::{Json, extract::State};

use super::{problem::Refusal, shared::Served};
use crate::authority::discovery::{Discovery, Jwks};

/// The discovery document.
pub(super) async fn discovery(State(served): State<Served>) -> Result<Json<Discovery>, Refusal> {
    Ok(Json(served.authority.discovery()?))
}

/// The public keys.
pub(super) async fn jwks(State(served): State<Served>) -> Result<Json<Jwks>, Refusal> {
    Ok(Json(served.authority.jwks().await?))
}
