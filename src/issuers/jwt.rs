//! Tokens of the authority's own OIDC issuer: JWTs (RFC 7519) about a principal, signed with ES256,
//! which Kubernetes and AWS both verify; neither knows Ed25519.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::SecretString;
use serde::Serialize;

use super::order::{Issuer, Order};
use crate::{
    domain::{
        failure::{Failure, Result},
        lease::CLOCK_SKEW,
        time::Timestamp,
    },
    platform::keys,
};

/// About whom a token is, for whom, and for how long.
pub(super) struct Frame<'a> {
    /// The principal, as the target is to know it.
    pub(super) subject: String,
    /// The only target that may accept it.
    pub(super) audience: &'a str,
    /// The instant at which it says that it was made.
    pub(super) issued_at: Timestamp,
    /// Its end.
    pub(super) expires_at: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a, M: Serialize> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(flatten)]
    more: &'a M,
}

/// A token about the order's principal, with what its target wants to know besides.
pub(super) fn token(
    order: &Order<'_>,
    issuer: &Issuer<'_>,
    frame: &Frame<'_>,
    more: &impl Serialize,
) -> Result<SecretString> {
    let claims = Claims {
        iss: issuer.url,
        sub: &frame.subject,
        aud: frame.audience,
        jti: order.serial.to_string(),
        iat: frame.issued_at.secs(),
        nbf: order.now.before(CLOCK_SKEW).secs(),
        exp: frame.expires_at.secs(),
        more,
    };
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(keys::thumbprint(&issuer.key.public()));
    let key = EncodingKey::from_ec_der(issuer.key.expose_pkcs8());
    encode(&header, &claims, &key)
        .map(SecretString::from)
        .map_err(|error| Failure::failed("a token cannot be signed").because(&error))
}

#[cfg(test)]
pub(super) mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
    use secrecy::ExposeSecret as _;
    use serde_json::{Value, json};

    use super::*;
    use crate::issuers::sample;

    /// The claims of a token of the sample's issuer, verified as a target verifies them.
    pub(in crate::issuers) fn verified(token: &SecretString, audience: &str) -> Value {
        let issuer = sample::site().issuer.unwrap();
        let public = issuer.key.public();
        let [x, y] = [public.x, public.y].map(|part| URL_SAFE_NO_PAD.encode(part));
        let key = DecodingKey::from_ec_components(&x, &y).unwrap();
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&[audience]);
        rules.set_issuer(&[issuer.url]);
        // The sample lives in a year of its own.
        rules.validate_exp = false;
        decode::<Value>(token.expose_secret(), &key, &rules)
            .unwrap()
            .claims
    }

    #[test]
    fn a_token_says_who_made_it_for_whom_and_until_when() {
        let grant = sample::grant("kubernetes/prod:view");
        let order = sample::order(&grant);
        let issuer = sample::site().issuer.unwrap();
        let frame = Frame {
            subject: "alice".to_owned(),
            audience: "somebody",
            issued_at: order.now,
            expires_at: order.expires_at(),
        };
        let token = token(&order, &issuer, &frame, &json!({ "more": [1] })).unwrap();
        let header = decode_header(token.expose_secret()).unwrap();
        assert_eq!(header.alg, Algorithm::ES256);
        assert_eq!(header.kid.unwrap(), keys::thumbprint(&issuer.key.public()));
        assert_eq!(
            verified(&token, "somebody"),
            json!({
                "iss": "https://jit.example.com",
                "sub": "alice",
                "aud": "somebody",
                "jti": "4815162342",
                "iat": 1_800_000_000,
                "nbf": 1_799_999_940,
                "exp": 1_800_000_600,
                "more": [1],
            })
        );
    }
}
