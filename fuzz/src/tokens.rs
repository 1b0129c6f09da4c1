//! Signed words: proofs of possession, what an enrolled key says, the tokens of foreign issuers and the
//! documents in which those name their keys. What nobody signed is nobody's.

use std::sync::{
    LazyLock,
    atomic::{AtomicI64, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jit::{
    domain::{key::PrivateKey, lease::CLOCK_SKEW, time::Timestamp},
    platform::{
        assertion::{self, Bound},
        keys,
        proof::{self, Aim},
    },
    verify::{
        issuer::Issuer,
        trusted::{ALGORITHMS, KeySource, Purpose, Trusted},
    },
};
use serde_json::{Value, json};

use crate::{
    ground::{NOW, choice, key, run, text},
    hostile::{self, Answer, URL},
};

/// What proofs are for.
pub(crate) const AIM: Aim<'static> = Aim {
    method: "POST",
    url: "https://jit.example.com/v1/token",
    token: Some("token"),
};
/// What an enrolled key speaks to.
pub(crate) const BOUND: Bound<'static> = Bound {
    server: "https://jit.example.com",
    key: "thumbprint",
};
/// An issuer whose keys come from elsewhere.
const ISSUER: &str = "https://id.example.com";

/// A JWT made of the header and the claims that an input has, a line each.
fn signed(input: &str, key: &PrivateKey) -> String {
    let (header, claims) = input.split_once('\n').unwrap_or((input, ""));
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let message = format!("{header}.{claims}");
    let signature = keys::sign(key, message.as_bytes()).expect("signed");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// How a token of an input is made: as it stands there, signed by whoever should or by somebody else, or
/// with one of its bytes changed.
struct Made {
    token: String,
    /// Whether somebody who counts signed exactly this.
    may_hold: bool,
}

fn made(data: &[u8], owner: &PrivateKey) -> Option<Made> {
    let ([how, place, change], rest) = choice::<3>(data)?;
    let input = text(rest)?;
    let of = |token, may_hold| Some(Made { token, may_hold });
    match how % 4 {
        0 => of(input.to_owned(), true),
        1 => of(signed(input, owner), true),
        2 => of(signed(input, &key(99)), false),
        _ => {
            let whole = signed(input, owner);
            let mut bytes = whole.clone().into_bytes();
            let at = place * bytes.len() / 256;
            bytes[at] ^= u8::try_from(change).unwrap_or(1);
            let token = String::from_utf8(bytes).ok()?;
            let same = token == whole;
            of(token, same)
        }
    }
}

/// A proof of possession.
pub(crate) fn proof(data: &[u8]) {
    let Some(Made { token, may_hold }) = made(data, &key(1)) else {
        return;
    };
    let Ok(proven) = proof::verify(&token, &AIM, NOW) else {
        return;
    };
    // Whoever signed it is whom its header names; it is for this, and made now.
    assert!(may_hold || proven.key == key(99).public());
    let claims = claims(&token);
    assert_eq!(claims["htm"], AIM.method);
    assert_eq!(claims["htu"], AIM.url);
    assert!(NOW.secs().abs_diff(claims["iat"].as_i64().expect("iat")) <= 60);
    let elsewhere = Aim { token: None, ..AIM };
    assert!(proof::verify(&token, &elsewhere, NOW).is_err());
}

/// What an enrolled key says.
pub(crate) fn assertion(data: &[u8]) {
    let Some(Made { token, may_hold }) = made(data, &key(1)) else {
        return;
    };
    let Ok((key_of, _)) = assertion::hear(&token, &BOUND, NOW) else {
        return;
    };
    assert!(may_hold || key_of == key(99).public());
    let claims = claims(&token);
    assert_eq!(claims["aud"], BOUND.server);
    assert_eq!(claims["jkt"], BOUND.key);
    let other = Bound {
        key: "other",
        ..BOUND
    };
    assert!(assertion::hear(&token, &other, NOW).is_err());
}

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn trusted(issuer: &str, keys_at: Option<&str>) -> Trusted {
    Trusted {
        issuer: issuer.to_owned(),
        audiences: ["jit".to_owned()].into(),
        algorithms: ALGORITHMS.to_vec(),
        keys: keys_at.map_or(KeySource::Discovered, |url| KeySource::At(url.to_owned())),
        authority: None,
        purpose: Purpose::IdToken,
    }
}

fn json_answer(body: Vec<u8>) -> Answer {
    Answer {
        status: 200,
        kind: "application/json",
        body,
    }
}

/// The keys of the issuer, whose own is `key(3)`.
fn key_set() -> Vec<u8> {
    let mut jwk = serde_json::to_value(proof::jwk(key(3).public())).expect("JSON");
    jwk["kid"] = "a".into();
    json!({ "keys": [jwk] }).to_string().into_bytes()
}

/// A token of an issuer whose keys are known.
pub(crate) fn token(data: &[u8]) {
    static KNOWN: LazyLock<Issuer> = LazyLock::new(|| {
        hostile::answers(vec![json_answer(key_set())]);
        Issuer::new(trusted(ISSUER, Some(&URL))).expect("an issuer")
    });
    let Some(Made { token, may_hold }) = made(data, &key(3)) else {
        return;
    };
    let Ok(verified) = run(KNOWN.verify(&token, NOW)) else {
        return;
    };
    assert!(may_hold);
    let claims = claims(&token);
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["sub"], *verified.subject);
    assert!(verified.texts("aud").contains("jit"));
    assert!(verified.expires_at > NOW.before(CLOCK_SKEW));
}

/// A logout token of an issuer whose keys are known.
pub(crate) fn logout(data: &[u8]) {
    static KNOWN: LazyLock<Issuer> = LazyLock::new(|| {
        hostile::answers(vec![json_answer(key_set())]);
        Issuer::new(trusted(ISSUER, Some(&URL))).expect("an issuer")
    });
    let Some(Made { token, may_hold }) = made(data, &key(3)) else {
        return;
    };
    let Ok(verified) = run(KNOWN.verify_for(Purpose::Logout, &token, NOW)) else {
        return;
    };
    assert!(may_hold);
    let claims = claims(&token);
    assert_eq!(claims["iss"], ISSUER);
    assert!(claims["events"].is_object() && claims["jti"].is_string());
    assert!(claims.get("nonce").is_none());
    assert!(!verified.subject.is_empty() || verified.text("sid").is_some());
    // The same is nobody's ID token.
    assert!(run(KNOWN.verify(&token, NOW)).is_err());
}

/// What an issuer says of whom an access token is.
pub(crate) fn userinfo(data: &[u8]) {
    static OF_METADATA: LazyLock<Issuer> =
        LazyLock::new(|| Issuer::new(trusted(&URL, None)).expect("an issuer"));
    let metadata = json!({
        "issuer": &*URL, "jwks_uri": format!("{}/jwks", &*URL), "userinfo_endpoint": format!("{}/me", &*URL),
    });
    let metadata = metadata.to_string().into_bytes();
    hostile::answers(vec![json_answer(metadata), json_answer(data.to_vec())]);
    if let Ok(said) = run(OF_METADATA.userinfo("token")) {
        assert!(
            said["sub"]
                .as_str()
                .is_some_and(|subject| !subject.is_empty())
        );
    }
}

/// The documents of an issuer: its metadata, and its keys.
pub(crate) fn issuer(data: &[u8]) {
    static OF_KEYS: LazyLock<Issuer> =
        LazyLock::new(|| Issuer::new(trusted(ISSUER, Some(&URL))).expect("an issuer"));
    static OF_METADATA: LazyLock<Issuer> =
        LazyLock::new(|| Issuer::new(trusted(&URL, None)).expect("an issuer"));
    // Each time is so much later that nothing is known from before.
    static CLOCK: AtomicI64 = AtomicI64::new(1_000_000);
    let Some(([which], body)) = choice::<1>(data) else {
        return;
    };
    let later = CLOCK.fetch_add(100_000, Ordering::Relaxed) % 10_000_000_000;
    let now = Timestamp::from_secs(later);
    let issuer = if which % 2 == 0 {
        hostile::answers(vec![json_answer(body.to_vec())]);
        &*OF_KEYS
    } else {
        let Some(text) = text(body) else { return };
        let metadata = text.replace("$URL", &URL).into_bytes();
        hostile::answers(vec![json_answer(metadata), json_answer(key_set())]);
        &*OF_METADATA
    };
    let claims = json!({
        "iss": issuer.url(), "sub": "1234", "aud": "jit", "iat": later, "exp": later + 600,
    });
    let token = signed(&format!("{{\"alg\":\"EdDSA\"}}\n{claims}"), &key(3));
    if run(issuer.verify(&token, now)).is_ok() && which % 2 == 0 {
        let own = key(3).public().to_base64url();
        assert!(text(body).is_some_and(|body| body.contains(&own) || body.contains('\\')));
    }
}
