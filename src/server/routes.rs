//! Every route, on one page.

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    middleware::from_fn_with_state,
    routing::{delete, get, patch, post},
};

use super::{
    approvals, backchannel_logout, checkpoints, delegations, elevations, enrolments, entitlements,
    events, health, issuer, limits, openapi, principals, resources, session, shared::Served,
    sign_in, tell, token, trust,
};
use crate::protocol::path;

/// What is answered on the listener for health checks and metrics.
pub(super) fn probes(served: Served) -> Router {
    Router::new()
        .route(path::HEALTHZ, get(health::healthz))
        .route(path::METRICS, get(health::metrics))
        .route(path::READYZ, get(health::readyz))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(Arc::clone(&served), limits::guard))
        .layer(from_fn_with_state(Arc::clone(&served), tell::tell))
        .with_state(served)
}

/// What the server answers. Whoever is not authenticated reaches nothing that a handler with a
/// `Visitor` does.
pub(super) fn all(served: Served) -> Router {
    Router::new()
        .route(
            path::ELEVATIONS,
            get(elevations::list).post(elevations::ask),
        )
        .route(path::ELEVATION, get(elevations::read))
        .route(path::CREDENTIAL, post(elevations::credential))
        .route(path::REVOCATION, post(elevations::end))
        .route(path::JUSTIFICATION, post(elevations::justify))
        .route(path::APPROVALS, get(approvals::list))
        .route(path::APPROVAL, post(approvals::answer))
        .route(path::DELEGATIONS, post(delegations::begin))
        .route(path::PRINCIPALS, get(principals::list))
        .route(path::PRINCIPAL, patch(principals::change))
        .route(path::EVENTS, get(events::list))
        .route(path::VERIFICATION, get(events::verify))
        .route(path::RESOURCES, get(resources::list))
        .route(path::ENTITLEMENTS, get(entitlements::list))
        .route(path::TRUST, get(trust::read).post(trust::certify))
        .route(path::TOKEN, post(token::exchange))
        .route(path::BACKCHANNEL_LOGOUT, post(backchannel_logout::receive))
        .route(path::SIGN_IN, get(sign_in::read))
        .route(path::SESSION, get(session::read).delete(session::end))
        .route(path::CHECKPOINTS, get(checkpoints::list))
        .route(
            path::ENROLMENTS,
            get(enrolments::list).post(enrolments::create),
        )
        .route(path::ENROLMENT, delete(enrolments::remove))
        .route(path::ENROLMENT_OF, delete(enrolments::remove_of_class))
        .route(path::DISCOVERY, get(issuer::discovery))
        .route(path::JWKS, get(issuer::jwks))
        .route(path::HEALTHZ, get(health::healthz))
        .route(path::METRICS, get(health::metrics))
        .route(path::OPENAPI, get(openapi::read))
        .route(path::READYZ, get(health::readyz))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn_with_state(Arc::clone(&served), limits::guard))
        .layer(from_fn_with_state(Arc::clone(&served), tell::tell))
        .with_state(served)
}
