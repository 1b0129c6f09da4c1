//! What goes wrong, as the caller may know it: a problem document (RFC 9457). The private cause is
//! logged with the request's id and stays here.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    domain::failure::{Code, Failure, Nature},
    platform::{clock, keys, terminal},
    protocol::problem::{MEDIA_TYPE, Problem},
};

/// The header that names a request, in the answer and in the server's log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What proves who one is here (RFC 9449, section 7.1).
const CHALLENGE: HeaderValue = HeaderValue::from_static("DPoP algs=\"EdDSA\"");
/// When whoever found something away may come again, in seconds.
const AWAY: u64 = 1;

/// Why a request is not answered as it was meant.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    failure: Box<Failure>,
    /// The status where it says more than the failure does.
    status: Option<StatusCode>,
    /// When it may be tried again.
    after: Option<Duration>,
    /// What it is called in OAuth, where that is spoken.
    oauth: Option<&'static str>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            failure: Box::new(failure),
            status: None,
            after: None,
            oauth: None,
        }
    }
}

impl Refusal {
    /// A failure whose status is known better.
    pub(super) fn with(status: StatusCode, failure: Failure) -> Self {
        Self {
            status: Some(status),
            ..Self::from(failure)
        }
    }

    /// The same with its name in OAuth.
    pub(super) fn in_oauth(self, error: &'static str) -> Self {
        Self {
            oauth: Some(error),
            ..self
        }
    }

    /// Somebody comes too often.
    pub(super) fn too_often(after: Duration) -> Self {
        let failure = Failure::new(Code::TimedOut, "too many requests")
            .hint("wait a moment and try again")
            .of_nature(Nature::Away);
        Self {
            after: Some(after),
            ..Self::with(StatusCode::TOO_MANY_REQUESTS, failure)
        }
    }

    /// What answers for the failure where nothing else does.
    fn of_status(status: StatusCode) -> Self {
        let words = status.canonical_reason().unwrap_or("refused");
        let failure = if status.is_server_error() {
            Failure::failed(words.to_lowercase())
        } else {
            Failure::usage(words.to_lowercase())
        };
        Self::with(
            status,
            failure.hint("/openapi.json describes what can be asked"),
        )
    }

    fn status(&self) -> StatusCode {
        let own = || StatusCode::from_u16(Problem::of(&self.failure).status).ok();
        let status = self.status.or_else(own);
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What the caller may know. What went wrong in here is for the log alone: its words may hold
    /// paths, addresses and what a target said.
    fn public(&self, id: &str) -> Problem {
        let status = self.status();
        let shown = match (self.failure.code, self.failure.nature) {
            (Code::Failed | Code::CannotRun | Code::NotFound, Nature::Away) => {
                Failure::failed(format!("the server cannot do that just now (request {id})"))
                    .hint("try again in a moment")
                    .of_nature(Nature::Away)
            }
            (Code::Failed | Code::CannotRun | Code::NotFound, _) => {
                Failure::failed(format!("the server could not do its part (request {id})"))
                    .hint("ask its administrator: its log has the reason under that id")
            }
            (Code::Usage | Code::Denied | Code::Pending | Code::SignIn | Code::TimedOut, _) => {
                Failure::clone(&self.failure)
            }
        };
        let title = status.canonical_reason().unwrap_or("refused");
        let problem = Problem::of(&shown);
        Problem {
            title: title.to_lowercase(),
            status: status.as_u16(),
            error: self.oauth.map(str::to_owned),
            error_description: self.oauth.map(|_| problem.detail.clone()),
            ..problem
        }
    }

    /// When it may be tried again, in whole seconds.
    fn retry_after(&self) -> Option<u64> {
        let asked = self.after.map(|after| after.as_secs() + 1);
        asked.or_else(|| (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(AWAY))
    }

    fn answer(&self, id: &str) -> Response {
        let problem = self.public(id);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A refusal travels beside an empty answer to [`tell`], which knows the request.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Names each request, and makes a problem document of each refusal.
pub(super) async fn tell(request: Request, next: Next) -> Response {
    let Ok(id) = keys::random::<8>().map(|bytes| keys::hex(&bytes)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    let status = response.status();
    let is_refused = status.is_client_error() || status.is_server_error();
    let refusal = response.extensions_mut().remove::<Refusal>();
    let refusal = refusal.or_else(|| {
        let told = response.headers().contains_key(CONTENT_TYPE);
        (is_refused && !told).then(|| Refusal::of_status(status))
    });
    if let Some(refusal) = refusal {
        if refusal.status().is_server_error() {
            let route = route.as_ref().map_or("", MatchedPath::as_str);
            log(&id, &format!("{method} {route}"), &refusal);
        }
        let allow = response.headers_mut().remove(ALLOW);
        response = refusal.answer(&id);
        if let Some(allow) = allow {
            response.headers_mut().insert(ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// One line of JSON on stderr: what went wrong, with its private cause.
fn log(id: &str, request: &str, refusal: &Refusal) {
    let failure = &refusal.failure;
    let line = json!({
        "at": clock::now(),
        "id": id,
        "request": request,
        "status": refusal.status().as_u16(),
        "message": failure.message,
        "cause": failure.cause,
        "hint": failure.hint,
    });
    terminal::report(&line.to_string());
}
