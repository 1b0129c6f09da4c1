//! An answer as it is kept for whoever lost it.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::{
    credential::{Credential, Token},
    elevation::Grant,
    failure::{Failure, Nature, Result},
};

/// An answer as it is kept, sealed.
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

fn written(kept: &Kept) -> Result<Zeroizing<Vec<u8>>> {
    serde_json::to_vec(kept)
        .map(Zeroizing::new)
        .map_err(|error| Failure::failed("an answer cannot be written").because(&error))
}
