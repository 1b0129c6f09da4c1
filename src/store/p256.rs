//! P-256 keys among the signing keys: for the tokens of the authority's own issuer, since their targets
//! verify nothing newer.

use zeroize::Zeroizing;

use super::rings::{Halves, Kept};
use crate::{
    domain::{
        failure::{Failure, Result},
        key::{EcKey, EcPublicKey},
    },
    platform::keys,
};

/// How long a public half is here: both coordinates. An Ed25519 key is half as long.
const LENGTH: usize = 64;

/// Whether a key is of this kind.
pub(super) fn is_one(kept: &Kept) -> bool {
    kept.public.len() == LENGTH
}

/// A new key.
pub(super) fn halves() -> Result<Halves> {
    let key = keys::generate_ec()?;
    let EcPublicKey { x, y } = key.public();
    Ok(Halves {
        secret: Zeroizing::new(key.expose_pkcs8().to_vec()),
        public: [x, y].concat(),
    })
}

/// The pair.
pub(super) fn private(kept: &Kept) -> Result<EcKey> {
    let document = kept.secret.as_deref().ok_or_else(foreign)?;
    keys::ec_from_pkcs8(document)
}

/// The public half.
pub(super) fn public(kept: &Kept) -> Result<EcPublicKey> {
    let (x, y) = kept.public.split_at_checked(32).ok_or_else(foreign)?;
    Ok(EcPublicKey {
        x: x.try_into().map_err(|_| foreign())?,
        y: y.try_into().map_err(|_| foreign())?,
    })
}

fn foreign() -> Failure {
    Failure::failed("a key in the store is not a P-256 key")
}
