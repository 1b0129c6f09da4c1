//! What goes wrong, as the caller may know it: a problem document (RFC 9457). The private cause is
//! logged with the request's id and stays here.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use utoipa::{
    IntoResponses,
    openapi::{
        ContentBuilder, Ref, RefOr, ResponseBuilder, ResponsesBuilder,
        response::Response as Described,
    },
};

use crate::{
    domain::failure::{Code, Failure, Nature},
    platform::clock,
    protocol::problem::{MEDIA_TYPE, Problem},
};

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

    /// What a status says where nothing else does.
    pub(super) fn of_status(status: StatusCode) -> Self {
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

    pub(super) fn status(&self) -> StatusCode {
        let own = || StatusCode::from_u16(Problem::of(&self.failure).status).ok();
        let status = self.status.or_else(own);
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The type of its problem, as it is counted: `denied`, `pending`.
    pub(super) fn cause(&self) -> String {
        let kind = Problem::of(&self.failure).kind;
        kind.rsplit(':').next().unwrap_or_default().to_owned()
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

    /// What is logged: all of it, the private cause too.
    pub(super) fn logged(&self, id: &str, request: &str) -> Value {
        json!({
            "at": clock::now(),
            "id": id,
            "request": request,
            "status": self.status().as_u16(),
            "message": self.failure.message,
            "cause": self.failure.cause,
            "hint": self.failure.hint,
        })
    }

    /// When it may be tried again, in whole seconds.
    fn retry_after(&self) -> Option<u64> {
        let asked = self.after.map(|after| after.as_secs() + 1);
        asked.or_else(|| (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(AWAY))
    }

    pub(super) fn answer(&self, id: &str) -> Response {
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

/// A refusal travels beside an empty answer to where the request is known.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What any request may be answered with instead: a problem document.
pub(super) struct Problems;

const STATUSES: [(&str, &str); 13] = [
    ("400", "it makes no sense"),
    ("401", "sign in"),
    ("403", "policy, or a person, said no"),
    ("404", "there is no such thing, or not for the caller"),
    ("408", "it did not come in time"),
    ("409", "somebody else was first"),
    ("413", "it is too large"),
    ("415", "it is not JSON"),
    ("422", "the idempotency key was used for another request"),
    (
        "429",
        "too many requests; Retry-After says when to come again",
    ),
    ("500", "the server could not do its part"),
    (
        "503",
        "the server cannot do it just now; Retry-After says when to come again",
    ),
    ("504", "a target did not answer in time"),
];

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let problem = |what: &str| {
            let schema = Ref::from_schema_name("Problem");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            ResponseBuilder::new()
                .description(what)
                .content(MEDIA_TYPE, content)
                .build()
        };
        let statuses = STATUSES.into_iter();
        let responses = statuses.fold(ResponsesBuilder::new(), |all, (status, what)| {
            all.response(status, problem(what))
        });
        responses.build().responses
    }
}
