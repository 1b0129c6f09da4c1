//! The OpenID provider of people says that somebody signed out there (OpenID Connect Back-Channel Logout 1.0).

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CACHE_CONTROL},
};

use super::{
    client_address::Peer,
    problem::{Problems, Refusal},
    shared::Served,
    token::{form, refused, unreadable},
    turned_away,
};
use crate::{
    domain::{event::Origin, failure::Failure},
    protocol::{path, token::LogoutRequest},
};

/// What refused logout tokens are counted as.
const BY: &str = "logout_token";

/// Ends the sessions of whom the provider's logout token is about.
#[utoipa::path(
    post,
    path = path::BACKCHANNEL_LOGOUT,
    request_body(content = LogoutRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "they have ended, or there were none"), Problems),
)]
pub(super) async fn receive(
    State(served): State<Served>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, [(HeaderName, HeaderValue); 1]), Refusal> {
    let form = form(&headers, &body).map_err(|()| refused(unreadable()))?;
    let lacking = || {
        Failure::usage("logout_token is missing")
            .hint("OpenID Connect Back-Channel Logout 1.0, section 2.5, says what is sent")
    };
    let token = form
        .get("logout_token")
        .ok_or_else(lacking)
        .map_err(refused)?;
    let people = served.people.as_ref().ok_or_else(|| {
        refused(
            Failure::denied("this server has no OpenID provider")
                .hint("its administrator names one as [people] in server.toml"),
        )
    })?;
    let attempt = served.gate.sign_ins.begin(peer.0)?;
    let origin = Origin {
        address: Some(peer.0),
        ..Origin::default()
    };
    let ended = served
        .authority
        .provider_logout(people, token, &origin)
        .await;
    if !ended.as_ref().is_err_and(turned_away::is_callers_fault) {
        attempt.forgive();
    }
    ended.map_err(|failure| {
        served.metrics.refused(BY, turned_away::reason(&failure));
        served.turned_away.tell(BY, &failure, peer.0);
        refused(failure)
    })?;
    Ok((
        StatusCode::OK,
        [(CACHE_CONTROL, HeaderValue::from_static("no-store"))],
    ))
}
