//! What the API server answers to a `TokenRequest`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde::Deserialize;

use crate::domain::time::Timestamp;

/// A token, its id in the API server's audit log, and how long it lives.
pub(super) struct Issued {
    /// The bearer token.
    pub(super) token: SecretString,
    /// Its `jti`; absent from servers before 1.30.
    pub(super) serial: Option<String>,
    /// How long it lives from now on, where the server says so. Its end by the server's clock says
    /// nothing to a clock that is not set as the server's is.
    pub(super) life: Option<Duration>,
}

#[derive(Deserialize)]
struct TokenRequest {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: String,
    expiration_timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    jti: Option<String>,
    /// When it was made, by the server's clock.
    iat: Option<i64>,
}

impl Issued {
    /// Reads the answer's body; nothing where it is not one, or its token is not a JWT.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let Status {
            token,
            expiration_timestamp,
        } = serde_json::from_slice::<TokenRequest>(body).ok()?.status;
        let claims = claims(&token)?;
        Some(Self {
            serial: claims.jti.filter(|id| is_plain(id)),
            life: expiration_timestamp
                .and_then(|text| Timestamp::parse(&text))
                .zip(claims.iat)
                .map(|(end, made)| end.left(Timestamp::from_secs(made))),
            token: token.into(),
        })
    }
}

/// The claims of a JWT, believed because the API server itself sent them.
fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    if !token.bytes().all(plain) {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

/// Whether an id can go into a log line as it is.
fn is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use secrecy::ExposeSecret as _;

    use super::*;

    fn body(token: &str) -> Vec<u8> {
        serde_json::to_vec(&serde_json::json!({
            "status": { "token": token, "expirationTimestamp": "2027-01-15T08:10:00Z" }
        }))
        .unwrap()
    }

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_is_known_by_its_jti() {
        let token =
            jwt(r#"{"jti":"7f0c","iat":1800000000,"sub":"system:serviceaccount:jit:view"}"#);
        let issued = Issued::read(&body(&token)).unwrap();
        assert_eq!(issued.serial.as_deref(), Some("7f0c"));
        assert_eq!(issued.token.expose_secret(), token);
        assert_eq!(issued.life, Some(Duration::from_mins(10)));
    }

    #[test]
    fn what_is_no_token_is_no_credential() {
        for token in ["", "x", "a.b.c", "a.e30.c\n- evil: true", "a.e30.c.d"] {
            assert!(Issued::read(&body(token)).is_none(), "{token:?}");
        }
        let issued = Issued::read(&body(&jwt(r#"{"jti":"a\nb"}"#))).unwrap();
        assert_eq!(issued.serial, None);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in vec(any::<u8>(), 0..200), text in ".*") {
            drop(Issued::read(&bytes));
            drop(Issued::read(&body(&text)));
        }
    }
}
