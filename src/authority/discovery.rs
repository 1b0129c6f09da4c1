//! What a server publishes of this authority as an OIDC issuer, so that targets can verify its tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::{Authority, ISSUER};
use crate::{
    domain::{
        failure::{Failure, Result},
        key::EcPublicKey,
    },
    platform::keys,
};

/// `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0, 3), as far as it is about tokens
/// that nobody signs in for: there is nothing to authorize at, so no endpoint for it is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Discovery {
    /// The issuer's URL, exactly as in `iss`.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// `id_token`
    pub response_types_supported: [&'static str; 1],
    /// `public`: each target knows a principal by the same name.
    pub subject_types_supported: [&'static str; 1],
    /// `ES256`
    pub id_token_signing_alg_values_supported: [&'static str; 1],
    /// What its tokens say to every target.
    pub claims_supported: [&'static str; 7],
}

/// `/jwks`: a JSON Web Key Set (RFC 7517, 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwks {
    /// The key that signs first; then the one that will, and those that did not long ago.
    pub keys: Vec<Jwk>,
}

/// A P-256 key (RFC 7518, 6.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    /// `EC`
    pub kty: &'static str,
    /// `P-256`
    pub crv: &'static str,
    /// The first coordinate, base64url.
    pub x: String,
    /// The second coordinate, base64url.
    pub y: String,
    /// `sig`
    #[serde(rename = "use")]
    pub purpose: &'static str,
    /// `ES256`
    pub alg: &'static str,
    /// Its thumbprint (RFC 7638), by which tokens name it.
    pub kid: String,
}

impl From<EcPublicKey> for Jwk {
    fn from(key: EcPublicKey) -> Self {
        Self {
            kty: "EC",
            crv: "P-256",
            x: URL_SAFE_NO_PAD.encode(key.x),
            y: URL_SAFE_NO_PAD.encode(key.y),
            purpose: "sig",
            alg: "ES256",
            kid: keys::thumbprint(&key),
        }
    }
}

impl Authority {
    /// The discovery document.
    ///
    /// # Errors
    /// This authority is no issuer: it has no URL.
    pub fn discovery(&self) -> Result<Discovery> {
        let issuer = self.issuer_url.clone().ok_or_else(no_issuer)?;
        Ok(Discovery {
            jwks_uri: format!("{}/jwks", issuer.trim_end_matches('/')),
            issuer,
            response_types_supported: ["id_token"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: ["ES256"],
            claims_supported: ["iss", "sub", "aud", "jti", "iat", "nbf", "exp"],
        })
    }

    /// The keys by which its tokens are verified. The first is made here where none was needed yet:
    /// targets remember what they fetched.
    ///
    /// # Errors
    /// This authority is no issuer; the store cannot be read.
    pub async fn jwks(&self) -> Result<Jwks> {
        if self.issuer_url.is_none() {
            return Err(no_issuer());
        }
        let keys = self.store.ec_public_keys(ISSUER, (self.clock)()).await?;
        Ok(Jwks {
            keys: keys.into_iter().map(Jwk::from).collect(),
        })
    }
}

fn no_issuer() -> Failure {
    Failure::failed("this authority is no OIDC issuer: it has no public URL")
        .hint("run it as \"jit serve\", with the URL that targets reach it by")
}
