//! A signed `GetCallerIdentity` (Signature Version 4) as it is presented: what of it the client makes, and
//! whether it is made as ours are.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign as signed},
    sign::v4::SigningParams,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::domain::{
    failure::{Failure, Result},
    time::Timestamp,
};

/// The one question that is asked.
pub(super) const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
pub(super) const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
pub(super) const DATE: &str = "x-amz-date";
pub(super) const TOKEN: &str = "x-amz-security-token";
/// The server that a request is signed for, and no other.
pub(super) const AUDIENCE: &str = "x-jit-audience";
/// The thumbprint (RFC 7638) of the key that a session is bound to.
pub(super) const KEY: &str = "x-jit-key";
/// How long after it was signed a request is taken.
const FRESH: Duration = Duration::from_mins(5);
/// The longest request that is looked at, and the longest answer.
pub(super) const LONGEST: usize = 8 << 10;

/// What a signed request is good for, and for nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The server's URL.
    pub server: &'a str,
    /// The thumbprint of the key that the session is to be bound to.
    pub key: &'a str,
}

/// What the client's signature is made of: the headers that only it can make.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    pub(super) authorization: String,
    #[serde(rename = "x-amz-date")]
    pub(super) date: String,
    #[serde(
        rename = "x-amz-security-token",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) token: Option<String>,
}

/// Signs a request (Signature Version 4), in base64url. The credentials themselves stay here.
///
/// # Errors
/// The credentials cannot sign.
pub fn sign(
    credentials: &Credentials,
    place: &Place<'_>,
    binding: &Binding<'_>,
    now: Timestamp,
) -> Result<SecretString> {
    let broken = || Failure::failed("the request to AWS cannot be signed");
    let identity = credentials.clone().into();
    let instant = UNIX_EPOCH + Duration::from_secs(now.secs().try_into().unwrap_or(0));
    let rules = SigningParams::builder()
        .identity(&identity)
        .region(place.region)
        .name("sts")
        .time(instant)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| broken().because(&error))?;
    let headers = [
        (CONTENT_TYPE.as_str(), FORM),
        (AUDIENCE, binding.server),
        (KEY, binding.key),
    ];
    let body = SignableBody::Bytes(BODY.as_bytes());
    let url = place.url()?;
    let request = SignableRequest::new("POST", url.as_str(), headers.into_iter(), body)
        .map_err(|error| broken().because(&error))?;
    let made = signed(request, &rules.into()).map_err(|error| broken().because(&error))?;
    let (made, _) = made.into_parts();
    let header = |wanted: &str| {
        let mut headers = made.headers();
        let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.to_owned())
    };
    let signed = Signed {
        authorization: header(AUTHORIZATION.as_str()).ok_or_else(broken)?,
        date: header(DATE).ok_or_else(broken)?,
        token: header(TOKEN),
    };
    let text = serde_json::to_vec(&signed).map_err(|error| broken().because(&error))?;
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(text)))
}

/// Reads what was presented; nothing where it is no such thing.
pub(super) fn read(presented: &str) -> Option<Signed> {
    if presented.len() > LONGEST {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(presented).ok()?).ok()
}

/// The region that a request was signed for, if it was signed just now and as ours are.
pub(super) fn checked(signed: &Signed, now: Timestamp) -> Result<&str> {
    let scope = Scope::read(&signed.authorization)
        .ok_or_else(|| refused("its signature is not one of AWS's, version 4"))?;
    let token = signed
        .token
        .as_ref()
        .map_or("", |_| ";x-amz-security-token");
    let bound = format!("content-type;host;{DATE}{token};{AUDIENCE};{KEY}");
    if scope.headers != bound {
        return Err(refused(
            "it does not sign the headers that bind it to this server",
        ));
    }
    let at = instant(&signed.date).filter(|_| signed.date.starts_with(scope.day));
    let at = at.ok_or_else(|| refused("its date is none"))?;
    if at.left(now) > FRESH || now.left(at) > FRESH {
        return Err(refused("it was not signed within the last five minutes"));
    }
    Ok(scope.region)
}

/// What a signature is made of, as `Authorization` tells it.
struct Scope<'a> {
    day: &'a str,
    region: &'a str,
    headers: &'a str,
}

impl<'a> Scope<'a> {
    fn read(authorization: &'a str) -> Option<Self> {
        let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=")?;
        let (credential, rest) = rest.split_once(", SignedHeaders=")?;
        let (headers, signature) = rest.split_once(", Signature=")?;
        let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if signature.len() != 64 || !signature.bytes().all(is_hex) {
            return None;
        }
        let mut parts = credential.split('/');
        let id = parts.next()?;
        let (day, region) = (parts.next()?, parts.next()?);
        let ends = parts.next()? == "sts" && parts.next()? == "aws4_request";
        let plain = (16..=128).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_alphanumeric());
        (ends && plain && parts.next().is_none()).then_some(Self {
            day,
            region,
            headers,
        })
    }
}

/// `20261125T190000Z`
fn instant(text: &str) -> Option<Timestamp> {
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to);
    Timestamp::parse(&format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(9, 11)?,
        part(11, 13)?,
        part(13, 15)?
    ))
    .filter(|_| part(8, 9) == Some("T") && part(15, 16) == Some("Z"))
}

/// What was presented does not count.
pub(super) fn refused(why: &str) -> Failure {
    Failure::denied(format!("the AWS identity is refused: {why}"))
        .hint("sign in to AWS again, and check the clock of this machine")
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use secrecy::ExposeSecret as _;

    use super::*;

    const PLACE: Place<'static> = Place {
        region: "eu-west-1",
        endpoint: None,
    };
    const BINDING: Binding<'static> = Binding {
        server: "https://jit.example.com",
        key: "thumbprint",
    };

    fn made(token: Option<&str>) -> Signed {
        let token = token.map(str::to_owned);
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", token, None, "test");
        let text = sign(&credentials, &PLACE, &BINDING, now()).unwrap();
        assert!(!text.expose_secret().contains("secret"));
        read(text.expose_secret()).unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_secs(1_800_000_000)
    }

    fn why(signed: &Signed, now: Timestamp) -> String {
        checked(signed, now).unwrap_err().message
    }

    #[test]
    fn what_was_signed_just_now_is_taken() {
        for token in [None, Some("session")] {
            let signed = made(token);
            assert_eq!(checked(&signed, now()).unwrap(), "eu-west-1");
            let later = now().after(Duration::from_secs(301));
            assert!(why(&signed, later).contains("five minutes"));
            assert!(why(&signed, now().before(Duration::from_secs(301))).contains("five minutes"));
        }
    }

    #[test]
    fn what_is_not_signed_as_ours_is_refused() {
        let change = |from: &str, to: &str| {
            let signed = made(None);
            let authorization = signed.authorization.replace(from, to);
            why(
                &Signed {
                    authorization,
                    ..signed
                },
                now(),
            )
        };
        assert!(change(";x-jit-key", "").contains("bind it"));
        assert!(change(";x-jit-audience", "").contains("bind it"));
        assert!(change("host;", "").contains("bind it"));
        for (from, to) in [
            ("/sts/", "/iam/"),
            ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
            ("aws4_request", "aws4_request/x"),
            (", Signature=", ", Signature=x"),
            ("AKIA", "AK\r\n"),
        ] {
            assert!(change(from, to).contains("version 4"), "{from}");
        }
        let signed = made(None);
        let date = "20200101T000000Z".to_owned();
        assert!(why(&Signed { date, ..signed }, now()).contains("date"));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".*", bytes in vec(any::<u8>(), 0..200), date in "[0-9TZ]{14,18}") {
            drop(read(&text));
            drop(read(&URL_SAFE_NO_PAD.encode(&bytes)));
            let _ = instant(&date).is_some();
            let _ = Scope::read(&text).is_some();
            drop(checked(&Signed { authorization: text.clone(), date: text, token: None }, now()));
        }
    }
}
