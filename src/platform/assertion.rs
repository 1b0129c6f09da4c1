//! What the holder of an enrolled key says to a server (a JWT in the manner of RFC 7523): who it is, by
//! its key alone, for one server and one session's key.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Validation};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{keys, proof};
use crate::domain::{
    failure::Result,
    key::{PrivateKey, PublicKey},
    time::Timestamp,
};

const TYPE: &str = "jit-key+jwt";
/// How far apart the clocks may be, and how long it may be on its way.
const FRESH: Duration = Duration::from_mins(1);
/// The longest one that is looked at, in bytes.
const LONGEST: usize = 4 << 10;

/// What is said with a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The join code, where the key is not known yet.
    pub code: Option<String>,
    /// The key that replaces this one.
    pub next: Option<PublicKey>,
}

/// What it is good for, and for nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// The server's URL.
    pub server: &'a str,
    /// The thumbprint (RFC 7638) of the key that the session is to be bound to.
    pub key: &'a str,
}

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    aud: String,
    iat: i64,
    jti: String,
    jkt: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<PublicKey>,
}

/// Says it, signed with EdDSA by the key that is enrolled or is to be.
pub fn say(
    key: &PrivateKey,
    said: &Said,
    bound: &Bound<'_>,
    now: Timestamp,
) -> Result<SecretString> {
    let claims = Claims {
        aud: bound.server.to_owned(),
        iat: now.secs(),
        jti: keys::hex(&keys::random::<16>()?),
        jkt: bound.key.to_owned(),
        code: said.code.clone(),
        next: said.next,
    };
    proof::sign_named(TYPE, &claims, key).map(SecretString::from)
}

/// Who says what, if it was said just now and is bound to that; otherwise why it does not count.
pub fn hear(
    text: &str,
    bound: &Bound<'_>,
    now: Timestamp,
) -> Result<(PublicKey, Said), &'static str> {
    const BROKEN: &str = "it is not signed by a key";
    if text.len() > LONGEST {
        return Err(BROKEN);
    }
    let mut rules = Validation::new(Algorithm::EdDSA);
    (rules.validate_exp, rules.validate_aud) = (false, false);
    rules.required_spec_claims.clear();
    let (key, claims): (_, Claims) = proof::open_named(TYPE, text, &rules).ok_or(BROKEN)?;
    if claims.aud != bound.server {
        return Err("it is meant for another server");
    }
    if claims.jkt != bound.key {
        return Err("it is meant for another session's key");
    }
    if now.secs().abs_diff(claims.iat) > FRESH.as_secs() {
        return Err("it was not said just now");
    }
    let Claims { code, next, .. } = claims;
    Ok((key, Said { code, next }))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const BOUND: Bound<'static> = Bound {
        server: "https://jit.example.com",
        key: "thumbprint",
    };

    #[test]
    fn what_is_said_is_heard_there_then_and_once_bound() {
        let (key, next) = (keys::generate().unwrap(), keys::generate().unwrap());
        let said = Said {
            code: Some("code".to_owned()),
            next: Some(next.public()),
        };
        let now = Timestamp::from_secs(1_800_000_000);
        let text = say(&key, &said, &BOUND, now).unwrap();
        let text = text.expose_secret();
        assert_eq!(hear(text, &BOUND, now), Ok((key.public(), said)));
        let elsewhere = Bound {
            server: "https://evil.example",
            ..BOUND
        };
        assert!(hear(text, &elsewhere, now).is_err());
        let another = Bound {
            key: "another",
            ..BOUND
        };
        assert!(hear(text, &another, now).is_err());
        for seconds in [-61, 61] {
            let then = Timestamp::from_secs(now.secs() + seconds);
            assert!(hear(text, &BOUND, then).is_err(), "{seconds}");
        }
        for broken in ["", "a.b.c", &text[..text.len() - 2], &"x".repeat(5000)] {
            assert!(hear(broken, &BOUND, now).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_proof_of_possession_is_not_mistaken_for_it() {
        let key = keys::generate().unwrap();
        let now = Timestamp::from_secs(1_800_000_000);
        let aim = proof::Aim {
            method: "POST",
            url: BOUND.server,
            token: None,
        };
        let text = proof::prove(&key, &aim, now).unwrap();
        assert!(hear(&text, &BOUND, now).is_err());
        let text = say(&key, &Said::default(), &BOUND, now).unwrap();
        assert!(proof::verify(text.expose_secret(), &aim, now).is_err());
    }
}
