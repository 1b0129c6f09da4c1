//! `Idempotency-Key`: whoever lost an answer and asks the same again, with the same key, gets the same.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{authenticate::Visitor, body::single, problem::Refusal, shared::Served};
use crate::{
    authority::once::reused,
    domain::failure::{Code, Failure, Nature},
    store::answers::IdempotencyKey,
};

/// The longest key.
const LONGEST: usize = 255;

/// The hash of what a request asks for; in its extensions.
#[derive(Clone, Debug)]
pub(super) struct Fingerprint(pub(super) String);

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
    /// The key of that caller's session.
    pub(super) fn of(self, visitor: &Visitor) -> Option<IdempotencyKey> {
        self.0.map(|(key, request)| IdempotencyKey {
            caller: visitor.session.id.to_string(),
            key,
            request,
        })
    }

    /// Does it, or gives the answer that it had when it was done before.
    pub(super) async fn run<T: Serialize + DeserializeOwned>(
        self,
        served: &Served,
        visitor: &Visitor,
        act: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let Some(once) = self.of(visitor) else {
            return act.await;
        };
        let authority = &served.authority;
        let store = &authority.store;
        if let Some(noted) = store.noted(&once, (authority.clock)()).await? {
            if noted.request != once.request {
                return Err(unprocessable(reused()));
            }
            if let Some(answer) = noted.answer {
                return serde_json::from_slice(&answer).map_err(|error| {
                    Failure::failed("an answer in the store cannot be read")
                        .because(&error)
                        .into()
                });
            }
        }
        let answer = act.await?;
        let kept = serde_json::to_vec(&answer)
            .map_err(|error| Failure::failed("an answer cannot be written").because(&error))?;
        let note = store.note(&once, None, Some(&kept), (authority.clock)())?;
        store.write(&note).await?;
        Ok(answer)
    }
}

/// The refusal of what was asked once, with the status that a reused key has.
pub(super) fn refused(failure: Failure) -> Refusal {
    if failure.code == Code::Usage && failure.nature == Nature::Conflict {
        return unprocessable(failure);
    }
    failure.into()
}

fn unprocessable(failure: Failure) -> Refusal {
    Refusal::with(StatusCode::UNPROCESSABLE_ENTITY, failure)
}
