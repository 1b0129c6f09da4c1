//! The elevation token: a JWT (RFC 7519) that proves a grant, bound to the client's key by its
//! thumbprint (`cnf.jkt`, RFC 7800 and RFC 9449), and the client's proof that it holds that key.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, OctetKeyPairParameters,
        OctetKeyPairType, ThumbprintHash,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::Authority;
use crate::{
    domain::{
        credential::Token,
        elevation::Grant,
        entitlement::Entitlement,
        failure::{Failure, Result},
        id::GrantId,
        key::{PrivateKey, PublicKey},
        lease::CLOCK_SKEW,
        time::Timestamp,
    },
    platform::keys,
};

const ISSUER: &str = "jit:embedded";
const PROOF: &str = "dpop+jwt";
const METHOD: &str = "POST";

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    jti: GrantId,
    ent: Entitlement,
    iat: i64,
    exp: i64,
    cnf: Confirmation,
}

#[derive(Serialize, Deserialize)]
struct Confirmation {
    jkt: String,
}

#[derive(Serialize, Deserialize)]
struct Proof {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    ath: String,
}

impl Authority {
    /// The proof of a grant, bound to the key that the client holds.
    pub(super) async fn token(&self, grant: &Grant, holder: PublicKey) -> Result<Token> {
        let key = self.store.signing_key("token").await?;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: grant.principal.name().to_owned(),
            jti: grant.id.clone(),
            ent: grant.entitlement.clone(),
            iat: grant.granted_at.secs(),
            exp: grant.expires_at.secs(),
            cnf: Confirmation {
                jkt: thumbprint(holder)?,
            },
        };
        let text = sign(&Header::new(Algorithm::EdDSA), &claims, &key)?;
        Ok(Token(SecretString::from(text)))
    }

    /// The grant that a token proves, if it is ours, has not ended, and whoever shows it holds its key.
    pub(super) async fn proven(&self, token: &Token, proof: &str) -> Result<GrantId> {
        let key = self.store.signing_key("token").await?;
        let now = (self.clock)();
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[ISSUER]);
        rules.validate_exp = false;
        let claims = decode::<Claims>(token.0.expose_secret(), &decoding(key.public())?, &rules)
            .map_err(|_| refused("it was not signed by this authority"))?
            .claims;
        if now.secs() >= claims.exp {
            return Err(refused("its grant has ended"));
        }
        let holder = holder_of(proof, &claims.jti, token, now)?;
        if thumbprint(holder)? != claims.cnf.jkt {
            return Err(refused("it is bound to another key"));
        }
        Ok(claims.jti)
    }
}

/// The client's proof (RFC 9449) that it holds the key of `token`, for one renewal of one grant.
pub fn prove(
    holder: &PrivateKey,
    grant: &GrantId,
    token: &Token,
    now: Timestamp,
) -> Result<String> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(PROOF.to_owned());
    header.jwk = Some(jwk(holder.public()));
    let claims = Proof {
        jti: keys::hex(&keys::random::<16>()?),
        htm: METHOD.to_owned(),
        htu: target(grant),
        iat: now.secs(),
        ath: fingerprint(token),
    };
    sign(&header, &claims, holder)
}

/// The key that a proof was made with, if it was made just now for this grant and this token.
fn holder_of(proof: &str, grant: &GrantId, token: &Token, now: Timestamp) -> Result<PublicKey> {
    let broken = || refused("its proof of possession is not one");
    let header = decode_header(proof).map_err(|_| broken())?;
    let named = header.jwk.filter(|_| header.typ.as_deref() == Some(PROOF));
    let Some(AlgorithmParameters::OctetKeyPair(parameters)) = named.map(|jwk| jwk.algorithm) else {
        return Err(broken());
    };
    let key: PublicKey = serde_json::from_value(parameters.x.into()).map_err(|_| broken())?;
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.validate_exp = false;
    rules.required_spec_claims.clear();
    let claims = decode::<Proof>(proof, &decoding(key)?, &rules)
        .map_err(|_| broken())?
        .claims;
    let age = now.secs().abs_diff(claims.iat);
    if claims.htm != METHOD || claims.htu != target(grant) || claims.ath != fingerprint(token) {
        return Err(refused("its proof of possession is for something else"));
    }
    if age > CLOCK_SKEW.as_secs() {
        return Err(refused("its proof of possession is too old"));
    }
    Ok(key)
}

fn target(grant: &GrantId) -> String {
    format!("/v1/elevations/{grant}/credential")
}

fn fingerprint(token: &Token) -> String {
    PublicKey(keys::sha256(token.0.expose_secret().as_bytes())).to_base64url()
}

fn sign(header: &Header, claims: &impl Serialize, key: &PrivateKey) -> Result<String> {
    let der = keys::to_pkcs8(key)?;
    encode(header, claims, &EncodingKey::from_ed_der(&der))
        .map_err(|error| Failure::failed("a token cannot be signed").because(&error))
}

fn decoding(key: PublicKey) -> Result<DecodingKey> {
    DecodingKey::from_ed_components(&key.to_base64url())
        .map_err(|error| Failure::failed("a key is not an Ed25519 key").because(&error))
}

fn jwk(key: PublicKey) -> Jwk {
    Jwk {
        common: CommonParameters::default(),
        algorithm: AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
            key_type: OctetKeyPairType::OctetKeyPair,
            curve: EllipticCurve::Ed25519,
            x: key.to_base64url(),
        }),
    }
}

fn thumbprint(key: PublicKey) -> Result<String> {
    jwk(key)
        .thumbprint(ThumbprintHash::SHA256)
        .map_err(|error| Failure::failed("a key has no thumbprint").because(&error))
}

fn refused(why: &str) -> Failure {
    Failure::denied(format!("the elevation token is refused: {why}"))
        .hint("run the command again: a new elevation is asked for")
}
