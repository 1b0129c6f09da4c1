//! `Idempotency-Key`: whoever lost an answer and asks the same again, with the same key, gets the same.

use axum::{extract::FromRequestParts, http::request::Parts};
use utoipa::IntoParams;

use super::{body::single, problem::Refusal};
use crate::{authority::Client, domain::failure::Failure, store::answers::IdempotencyKey};

/// The longest key.
const LONGEST: usize = 255;

/// The hash of what a request asks for; in its extensions.
#[derive(Clone, Debug)]
pub(super) struct Fingerprint(pub(super) String);

/// The header, as it is described.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is a description")]
pub(super) struct Header {
    /// The same for each repetition of a request, which is done once.
    #[param(rename = "Idempotency-Key")]
    key: Option<String>,
}

/// The key of a request, if it has one, and the hash of what is asked.
#[derive(Debug)]
pub(super) struct Repeat(Option<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Repeat {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Some(key) = single(parts, "idempotency-key")? else {
            return Ok(Self(None));
        };
        if key.is_empty() || key.len() > LONGEST || !key.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Failure::usage("the header idempotency-key makes no sense")
                .hint("send up to 255 letters and digits, a new one for each request")
                .into());
        }
        let hash = parts.extensions.get::<Fingerprint>();
        let hash = hash.map_or_else(String::new, |hash| hash.0.clone());
        Ok(Self(Some((key.to_owned(), hash))))
    }
}

impl Repeat {
    /// The client who asks with it: a key is its session's own.
    pub(super) fn of(self, client: Client) -> Client {
        let session = client.sessions.first();
        let once = self
            .0
            .zip(session)
            .map(|((key, request), session)| IdempotencyKey {
                caller: session.id.to_string(),
                key,
                request,
            });
        Client { once, ..client }
    }
}
