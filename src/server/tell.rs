//! Each request by its id: its refusal becomes a problem document, its cause a line of the log, and it is
//! counted.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{problem::Refusal, shared::Served};
use crate::platform::{keys, terminal};

/// The header that names a request, in the answer and in the server's log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a request in full.
pub(super) async fn tell(State(served): State<Served>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let Ok(id) = keys::random::<8>().map(|bytes| keys::hex(&bytes)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let mut response = next.run(request).await;
    if let Some(refusal) = refusal(&mut response) {
        let status = refusal.status().as_u16();
        served.metrics.refusal(&refusal.cause(), status);
        if refusal.status().is_server_error() {
            let line = refusal.logged(&id, &format!("{method} {route}"));
            terminal::report(&line.to_string());
        }
        let allow = response.headers_mut().remove(ALLOW);
        response = refusal.answer(&id);
        response
            .headers_mut()
            .extend(allow.map(|allow| (ALLOW, allow)));
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    // Anybody may send any method; only those that mean something are told apart.
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE") => known,
        _ => "other",
    };
    served.metrics.answered(method, route, status, took);
    response
}

/// Why it was refused: in our own words, or by a status that nobody said anything about.
fn refusal(response: &mut Response) -> Option<Refusal> {
    let status = response.status();
    let is_refused = status.is_client_error() || status.is_server_error();
    let is_told = response.headers().contains_key(CONTENT_TYPE);
    let refusal = response.extensions_mut().remove::<Refusal>();
    refusal.or_else(|| (is_refused && !is_told).then(|| Refusal::of_status(status)))
}
