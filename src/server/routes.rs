//! Every route, on one page.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};

use super::{checkpoints, elevations, health, limits, problem, session, shared::Served};
use crate::protocol::path;

/// What the server answers. Whoever is not authenticated reaches nothing that a handler with a
/// `Visitor` does.
pub(super) fn all(served: Served) -> Router {
    Router::new()
        .route(path::ELEVATIONS, post(elevations::ask))
        .route(path::CREDENTIAL, post(elevations::credential))
        .route(path::SESSION, get(session::read))
        .route(path::CHECKPOINTS, get(checkpoints::list))
        .route(path::HEALTHZ, get(health::healthz))
        .route(path::READYZ, get(health::readyz))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(Arc::clone(&served), limits::guard))
        .layer(from_fn(problem::tell))
        .with_state(served)
}
