//! The description of the API (OpenAPI 3.1), generated from the handlers and the types that they take and
//! give.

use axum::Json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        OpenApi as Document,
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};

use super::{
    approvals, backchannel_logout, checkpoints, delegations, elevations, enrolments, entitlements,
    events, health, issuer, principals, resources, session, sign_in, token, trust,
};
use crate::protocol::problem::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "jit",
        description = "Access exactly when a task needs it, taken away again by itself."
    ),
    paths(
        elevations::list,
        elevations::ask,
        elevations::read,
        elevations::credential,
        elevations::end,
        elevations::justify,
        approvals::list,
        approvals::answer,
        delegations::begin,
        principals::list,
        principals::change,
        enrolments::list,
        enrolments::create,
        enrolments::remove,
        enrolments::remove_of_class,
        events::list,
        events::verify,
        checkpoints::list,
        resources::list,
        entitlements::list,
        trust::read,
        trust::certify,
        token::exchange,
        backchannel_logout::receive,
        sign_in::read,
        session::read,
        session::end,
        issuer::discovery,
        issuer::jwks,
        health::healthz,
        health::readyz,
        health::metrics,
    ),
    components(schemas(Problem)),
    modifiers(&Proof)
)]
struct Api;

/// The two headers that say who asks (RFC 9449, section 7.1).
struct Proof;

impl Modify for Proof {
    fn modify(&self, document: &mut Document) {
        let header = |name: &str, what: &str| {
            let value = ApiKeyValue::with_description(name, what);
            SecurityScheme::ApiKey(ApiKey::Header(value))
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "session",
            header("Authorization", "`DPoP TOKEN`, the session's token"),
        );
        components.add_security_scheme(
            "proof",
            header(
                "DPoP",
                "the proof that the caller holds the token's key, for this request",
            ),
        );
    }
}

/// The description.
pub(super) async fn read() -> Json<Document> {
    Json(Api::openapi())
}
