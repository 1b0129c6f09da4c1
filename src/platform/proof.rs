//! Proofs of possession (DPoP, RFC 9449): whoever shows a token also shows that they hold its key.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    dangerous::insecure_decode_claims,
    decode, decode_header, encode,
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, OctetKeyPairParameters,
        OctetKeyPairType, ThumbprintHash,
    },
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::keys;
use crate::domain::{
    failure::{Failure, Result},
    key::{PrivateKey, PublicKey},
    lease::CLOCK_SKEW,
    once::Once,
    time::Timestamp,
};

const PROOF: &str = "dpop+jwt";

/// What a proof is for, and for nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The URL without query and fragment.
    pub url: &'a str,
    /// The token that it goes with; none where a token is only being asked for.
    pub token: Option<&'a str>,
}

/// What a proof has proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The key that its maker holds.
    pub key: PublicKey,
    /// The proof's own id (`jti`), so that it can be refused the second time.
    pub id: String,
}

impl Proven {
    /// The proof itself: it serves once, as long as clocks may differ.
    pub fn once(&self, now: Timestamp) -> Once {
        let key = self.key.to_base64url();
        let id = keys::hex(&keys::sha256(format!("{key} {}", self.id).as_bytes()));
        Once {
            id: format!("proof {id}"),
            until: now.after(CLOCK_SKEW.saturating_mul(2)),
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
}

/// Makes a proof: a JWT signed with EdDSA by the key that it names.
pub fn prove(holder: &PrivateKey, aim: &Aim<'_>, now: Timestamp) -> Result<String> {
    let claims = Claims {
        jti: keys::hex(&keys::random::<16>()?),
        htm: aim.method.to_owned(),
        htu: aim.url.to_owned(),
        iat: now.secs(),
        ath: aim.token.map(fingerprint),
    };
    sign_named(PROOF, &claims, holder)
}

/// What a proof proves, if it was made just now for that aim; otherwise why it does not.
pub fn verify(proof: &str, aim: &Aim<'_>, now: Timestamp) -> Result<Proven, &'static str> {
    const BROKEN: &str = "its proof of possession is not one";
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.validate_exp = false;
    rules.required_spec_claims.clear();
    let (key, claims): (_, Claims) = open_named(PROOF, proof, &rules).ok_or(BROKEN)?;
    let age = now.secs().abs_diff(claims.iat);
    let same = claims.htm == aim.method && claims.htu == aim.url;
    if !same || claims.ath != aim.token.map(fingerprint) {
        return Err("its proof of possession is for something else");
    }
    if age > CLOCK_SKEW.as_secs() {
        return Err("its proof of possession is too old");
    }
    Ok(Proven {
        key,
        id: claims.jti,
    })
}

/// Signs claims as a JWT of that type, whose header names the key (`jwk`, RFC 7515).
pub(super) fn sign_named(typ: &str, claims: &impl Serialize, key: &PrivateKey) -> Result<String> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(typ.to_owned());
    header.jwk = Some(jwk(key.public()));
    sign(&header, claims, key)
}

/// The key that a JWT of that type names, and its claims, if that key signed it and it keeps the rules.
pub(super) fn open_named<C: DeserializeOwned + Clone>(
    typ: &str,
    token: &str,
    rules: &Validation,
) -> Option<(PublicKey, C)> {
    let header = decode_header(token).ok()?;
    let named = header.jwk.filter(|_| header.typ.as_deref() == Some(typ))?;
    let AlgorithmParameters::OctetKeyPair(parameters) = named.algorithm else {
        return None;
    };
    let key: PublicKey = serde_json::from_value(parameters.x.into()).ok()?;
    Some((key, open(token, key, rules)?))
}

/// Signs claims as a JWT with EdDSA.
pub fn sign(header: &Header, claims: &impl Serialize, key: &PrivateKey) -> Result<String> {
    let der = keys::to_pkcs8(key)?;
    encode(header, claims, &EncodingKey::from_ed_der(&der))
        .map_err(|error| Failure::failed("a token cannot be signed").because(&error))
}

/// The claims of a JWT, if it was signed by that key and keeps the rules.
pub fn open<C: DeserializeOwned + Clone>(
    token: &str,
    key: PublicKey,
    rules: &Validation,
) -> Option<C> {
    let key = DecodingKey::from_ed_components(&key.to_base64url()).ok()?;
    decode::<C>(token, &key, rules).ok().map(|data| data.claims)
}

/// The claims of a JWT that was opened before; nothing is looked at but those.
pub fn read<C: DeserializeOwned>(token: &str) -> Option<C> {
    insecure_decode_claims::<C>(token).ok()
}

/// The thumbprint (RFC 7638) of a key, to which tokens are bound (`cnf.jkt`).
pub fn thumbprint(key: PublicKey) -> Result<String> {
    jwk(key)
        .thumbprint(ThumbprintHash::SHA256)
        .map_err(|error| Failure::failed("a key has no thumbprint").because(&error))
}

/// The key as a JWK (RFC 8037).
pub fn jwk(key: PublicKey) -> Jwk {
    Jwk {
        common: CommonParameters::default(),
        algorithm: AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
            key_type: OctetKeyPairType::OctetKeyPair,
            curve: EllipticCurve::Ed25519,
            x: key.to_base64url(),
        }),
    }
}

fn fingerprint(token: &str) -> String {
    PublicKey(keys::sha256(token.as_bytes())).to_base64url()
}
