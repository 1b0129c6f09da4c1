//! The public keys of an issuer (RFC 7517), and which of them a token may be signed with.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, Header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// No issuer has more.
const MOST: usize = 100;

/// A key set as it is fetched. Keys of kinds that are not known here are passed over, as RFC 7517
/// (section 5) wants it.
#[derive(Debug, Deserialize)]
pub(super) struct Fetched {
    keys: Vec<Value>,
}

/// The keys of one issuer that sign.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<Jwk>);

impl From<Fetched> for KeySet {
    fn from(fetched: Fetched) -> Self {
        let known = fetched.keys.into_iter().take(MOST);
        let keys = known.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Self(keys.filter(signs).collect())
    }
}

impl KeySet {
    /// Reads the key set in a file.
    ///
    /// # Errors
    /// Says in words what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fetched: Fetched = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let keys = Self::from(fetched);
        if keys.0.is_empty() {
            return Err("it has no public key that signs".to_owned());
        }
        Ok(keys)
    }

    /// The key that a token of that header is to be checked with: of the name that it gives, or, where
    /// it gives none, the only one that fits its algorithm. A key in the header itself (`jwk`, `jku`,
    /// `x5c`) is nobody's word.
    pub(super) fn find(&self, header: &Header) -> Option<DecodingKey> {
        let named = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
        let mut found = self
            .0
            .iter()
            .filter(named)
            .filter(|key| fits(key, header.alg));
        match (found.next(), found.next()) {
            (Some(key), None) => DecodingKey::from_jwk(key).ok(),
            _ => None,
        }
    }
}

/// Whether a key is for signatures, with a private half that the issuer alone has.
fn signs(key: &Jwk) -> bool {
    let common = &key.common;
    let used = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let verifies = common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let asymmetric = matches!(
        key.algorithm,
        AlgorithmParameters::RSA(_)
            | AlgorithmParameters::EllipticCurve(_)
            | AlgorithmParameters::OctetKeyPair(_)
    );
    used && verifies && asymmetric
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let said = key.common.key_algorithm;
    let meant = said.is_none_or(|said| said.to_string().parse().ok() == Some(algorithm));
    let curve = match &key.algorithm {
        AlgorithmParameters::RSA(_) => return meant && algorithm.family() == AlgorithmFamily::Rsa,
        AlgorithmParameters::EllipticCurve(parameters) => &parameters.curve,
        AlgorithmParameters::OctetKeyPair(parameters) => &parameters.curve,
        AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_) | _ => return false,
    };
    let pairs = [
        (EllipticCurve::P256, Algorithm::ES256),
        (EllipticCurve::P384, Algorithm::ES384),
        (EllipticCurve::Ed25519, Algorithm::EdDSA),
    ];
    meant && pairs.contains(&(curve.clone(), algorithm))
}
