//! The caller's own session.

use axum::{Json, extract::State, http::StatusCode};

use super::{
    authenticate::Visitor,
    body::Asked,
    problem::{Problems, Refusal},
    query,
    shared::Served,
};
use crate::{
    domain::{
        event::Origin,
        principal::{Class, Principal},
    },
    protocol::{path, session::SessionView},
    store::ending::Ending,
};

/// Ends the caller's session, and all that was had in it. An agent ends its own: others may have agents of
/// the same name.
#[utoipa::path(
    delete,
    path = path::SESSION,
    params(query::Sessions),
    security(("session" = [], "proof" = [])),
    responses((status = 204, description = "it has ended"), Problems),
)]
pub(super) async fn end(
    State(served): State<Served>,
    visitor: Visitor,
    Asked(which): Asked<query::Sessions>,
) -> Result<StatusCode, Refusal> {
    let origin = Origin {
        address: Some(visitor.address),
        ..Origin::default()
    };
    let id = visitor.session.id.clone();
    let ending = if which.everywhere && visitor.principal().class() != Class::Agent {
        Ending::Principal(visitor.principal().clone())
    } else if let Some(holder) = which.successor {
        let by = served.authority.successor(&visitor.session, holder).await?;
        Ending::Replaced { session: id, by }
    } else {
        Ending::Session(id)
    };
    served
        .authority
        .close_session(&visitor.session, ending, &origin)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

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
