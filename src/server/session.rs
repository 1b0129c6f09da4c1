//! The caller's own session.

use axum::{Json, extract::State};

use super::{
    authenticate::{Leaver, Visitor},
    body::Asked,
    problem::{Problems, Refusal},
    query,
    shared::Served,
};
use crate::{
    authority::sessions::Leave,
    domain::principal::{Class, Principal},
    protocol::{
        path,
        session::{SessionEnded, SessionView},
    },
    store::ending::Ending,
};

/// Ends the caller's session, and all that was had in it; also where it is time to show again who they are. An agent ends its own: others may have agents of
/// the same name.
#[utoipa::path(
    delete,
    path = path::SESSION,
    params(query::Sessions),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "it has ended", body = SessionEnded), Problems),
)]
pub(super) async fn end(
    State(served): State<Served>,
    Leaver(visitor): Leaver,
    Asked(which): Asked<query::Sessions>,
) -> Result<Json<SessionEnded>, Refusal> {
    let id = visitor.session.id.clone();
    let ending = if which.everywhere && visitor.principal().class() != Class::Agent {
        Ending::Principal(visitor.principal().clone())
    } else if let Some(holder) = which.successor {
        let by = served.authority.successor(&visitor.session, holder).await?;
        Ending::Replaced { session: id, by }
    } else {
        Ending::Session(id)
    };
    let leave = Leave {
        ending,
        account_ended: which.account_ended,
    };
    let client = visitor.plain_client();
    let other_sessions = served.authority.close_session(&client, &leave).await?;
    Ok(Json(SessionEnded { other_sessions }))
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
