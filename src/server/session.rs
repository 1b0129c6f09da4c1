//! The caller's own session.

use axum::Json;

use super::{authenticate::Visitor, problem::Problems};
use crate::{
    domain::principal::Principal,
    protocol::{path, session::SessionView},
};

/// Who the caller is here, by whose word, until when.
#[utoipa::path(
    get,
    path = path::SESSION,
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "who the caller is", body = SessionView), Problems),
)]
pub(super) async fn read(visitor: Visitor) -> Json<SessionView> {
    let chain = visitor.chain().map(Principal::written).collect();
    let session = visitor.session;
    let only = session
        .only
        .map(|only| only.iter().map(ToString::to_string).collect());
    Json(SessionView {
        principal: session.caller.principal.written(),
        groups: session.caller.groups.into_iter().collect(),
        attributes: session.caller.attributes,
        source: session.source,
        chain,
        only,
        signed_in_at: session.caller.sign_in.map(|sign_in| sign_in.at),
        expires_at: session.expires_at,
    })
}
