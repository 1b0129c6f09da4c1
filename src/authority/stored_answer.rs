//! Answers as they are stored, sealed, for requests that are repeated with their idempotency key.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{Answer, Authority};
use crate::domain::{
    credential::{Credential, Token},
    elevation::{Elevation, Grant},
    failure::{Failure, Nature, Result},
    id::GrantId,
};

/// The stored answer to a request for an elevation.
#[derive(Serialize, Deserialize)]
pub(super) enum Kept {
    /// Yes.
    Granted(Box<(Grant, Token, Credential)>),
    /// No.
    Denied {
        /// Why.
        message: String,
        /// What to do.
        hint: String,
        /// Whether a reason would help.
        is_unexplained: bool,
    },
}

impl From<Answer> for Kept {
    fn from(answer: Answer) -> Self {
        Self::Granted(Box::new((answer.grant, answer.token, answer.credential)))
    }
}

impl Authority {
    /// A stored answer, given again.
    pub(super) async fn answered(&self, stored: Kept) -> Result<(Elevation, Answer)> {
        match stored {
            Kept::Granted(stored) => {
                let (grant, token, credential) = *stored;
                let elevation = self.store.elevation(&grant.id, (self.clock)()).await?;
                let elevation = elevation.ok_or_else(|| absent(&grant.id))?;
                let answer = Answer {
                    grant,
                    token,
                    credential,
                };
                Ok((elevation, answer))
            }
            Kept::Denied {
                message,
                hint,
                is_unexplained,
            } => Err(Failure::denied(message)
                .hint(hint)
                .of_nature(if is_unexplained {
                    Nature::Unexplained
                } else {
                    Nature::Final
                })),
        }
    }
}

/// The stored form of a grant with its credential.
pub(super) fn granted(answer: &Answer) -> Result<Zeroizing<Vec<u8>>> {
    written(&Kept::from(answer.clone()))
}

/// The stored form of a denial.
pub(super) fn denied(failure: &Failure) -> Result<Zeroizing<Vec<u8>>> {
    written(&Kept::Denied {
        message: failure.message.clone(),
        hint: failure.hint.clone(),
        is_unexplained: failure.nature == Nature::Unexplained,
    })
}

/// An answer as text.
pub(super) fn written(answer: &impl Serialize) -> Result<Zeroizing<Vec<u8>>> {
    serde_json::to_vec(answer)
        .map(Zeroizing::new)
        .map_err(|error| Failure::failed("an answer cannot be written").because(&error))
}

/// An answer from its text.
pub(super) fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    serde_json::from_slice(text)
        .map_err(|error| Failure::failed("an answer in the store cannot be read").because(&error))
}

/// An elevation that something stored names, and that is gone.
pub(super) fn absent(id: &GrantId) -> Failure {
    Failure::failed(format!("the elevation {id} is not there"))
}
