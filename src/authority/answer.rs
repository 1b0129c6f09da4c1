//! An answer as it is kept for whoever lost it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::Answer;
use crate::domain::{
    credential::{Credential, Token},
    elevation::Grant,
    failure::{Failure, Nature, Result},
};

/// An answer to who asked for an elevation as it is kept, sealed.
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

impl Kept {
    /// What is kept of what was given.
    pub(super) fn of(answer: Answer) -> Self {
        Self::Granted(Box::new((answer.grant, answer.token, answer.credential)))
    }
}

/// What is kept of a yes.
pub(super) fn granted(
    grant: &Grant,
    token: &Token,
    credential: &Credential,
) -> Result<Zeroizing<Vec<u8>>> {
    let kept = (grant.clone(), token.clone(), credential.clone());
    written(&Kept::Granted(Box::new(kept)))
}

/// What is kept of a no.
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
