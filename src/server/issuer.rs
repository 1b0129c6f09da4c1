//! The authority as an OIDC issuer: what targets fetch to verify its tokens, without a word about who
//! they are.

use axum::{Json, extract::State};

use super::{
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    authority::discovery::{Discovery, Jwks},
    protocol::path,
};

/// Answers the discovery document (OpenID Connect Discovery 1.0, section 3).
#[utoipa::path(
    get,
    path = path::DISCOVERY,
    responses((status = 200, description = "the issuer's metadata", body = Object), Problems),
)]
pub(super) async fn discovery(State(served): State<Served>) -> Result<Json<Discovery>, Refusal> {
    Ok(Json(served.authority.discovery()?))
}

/// Answers the public keys (RFC 7517).
#[utoipa::path(
    get,
    path = path::JWKS,
    responses((status = 200, description = "a set of keys", body = Object), Problems),
)]
pub(super) async fn jwks(State(served): State<Served>) -> Result<Json<Jwks>, Refusal> {
    Ok(Json(served.authority.jwks().await?))
}
