//! What a token may not say, and how it may not be signed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{NOW, Provider, at, header, jwk, refused, verify};
use crate::{
    platform::{keys, proof},
    verify::{header::LONGEST, issuer::Issuer, trusted::Purpose},
};

#[test]
fn a_token_of_the_issuer_for_us_says_who() {
    let provider = Provider::new();
    let issuer = provider.issuer();
    let verified = verify(&issuer, &provider.token(&provider.claims()), 0).unwrap();
    assert_eq!(verified.subject, "1234");
    assert_eq!(verified.expires_at, at(600));
    let both = provider.with("aud", json!(["jit", "other"]));
    refused(&issuer, &provider.token(&both), "another client (azp)");
    let mut ours = both.clone();
    ours["azp"] = "jit".into();
    verify(&issuer, &provider.token(&ours), 0).unwrap();
    let workload = Issuer::new(provider.trusted(Purpose::Workload)).unwrap();
    verify(&workload, &provider.token(&both), 0).unwrap();
    assert_eq!(provider.asked(), 2, "once for each");
}

#[test]
fn what_is_for_somebody_else_or_another_time_is_refused() {
    let provider = Provider::new();
    let issuer = provider.issuer();
    for (name, value, why) in [
        ("iss", json!(format!("{}/", provider.url)), "it is not of"),
        ("iss", json!([provider.url]), "it is not of"),
        ("iss", json!(null), "it is not of"),
        (
            "aud",
            json!("JIT"),
            "another audience: its `aud` is to name \"jit\"",
        ),
        ("aud", json!([]), "another audience"),
        ("aud", json!(["jit", 7]), "audience is none"),
        ("aud", json!({"jit": true}), "no audience"),
        ("azp", json!("other"), "another client"),
        ("sub", json!(""), "names nobody"),
        ("sub", json!(7), "names nobody"),
        ("sub", json!("x".repeat(2000)), "names nobody"),
        ("exp", json!(NOW - 61), "expired"),
        ("exp", json!(null), "exp is no instant"),
        ("exp", json!("soon"), "exp is no instant"),
        ("exp", json!(1e300), "exp is no instant"),
        ("exp", json!(-1), "exp is no instant"),
        ("nbf", json!(NOW + 61), "not valid yet"),
        ("iat", json!(NOW + 61), "in the future"),
    ] {
        refused(&issuer, &provider.token(&provider.with(name, value)), why);
    }
    let mut timeless = provider.claims();
    timeless.as_object_mut().unwrap().remove("exp");
    refused(&issuer, &provider.token(&timeless), "no end");
    let late = provider.with("exp", json!(NOW - 30));
    verify(&issuer, &provider.token(&late), 0).expect("clocks differ");
}

#[test]
fn a_forged_token_is_refused() {
    let provider = Provider::new();
    let issuer = provider.issuer();
    let claims = provider.claims();
    let good = provider.token(&claims);
    let parts: Vec<&str> = good.split('.').collect();
    let encoded = |value: &Value| BASE64.encode(value.to_string());
    let none = encoded(&json!({"alg": "none", "kid": "a"}));
    refused(&issuer, &format!("{none}.{}.", parts[1]), "no signed JWT");
    let crit = encoded(&json!({"alg": "EdDSA", "kid": "a", "crit": ["b64"], "b64": false}));
    refused(
        &issuer,
        &format!("{crit}.{}.{}", parts[1], parts[2]),
        "not known here",
    );
    let dpop = encoded(&json!({"alg": "EdDSA", "kid": "a", "typ": "dpop+jwt"}));
    refused(
        &issuer,
        &format!("{dpop}.{}.{}", parts[1], parts[2]),
        "another type",
    );
    // The public key as the secret of an HMAC, in the forms in which it is at hand.
    let public = jwk(&provider.key, "a");
    let secrets = [
        provider.key.public().0.to_vec(),
        public.to_string().into_bytes(),
        public["x"].as_str().unwrap().as_bytes().to_vec(),
    ];
    for secret in secrets {
        let mut hmac = Header::new(Algorithm::HS256);
        hmac.kid = Some("a".to_owned());
        let token = encode(&hmac, &claims, &EncodingKey::from_secret(&secret)).unwrap();
        refused(&issuer, &token, "HS256 is not allowed");
    }
    // A key that the token brings along.
    let thief = keys::generate().unwrap();
    let mut own = header("a");
    own.jwk = Some(proof::jwk(thief.public()));
    own.jku = Some(format!("{}/thief", provider.url));
    let token = proof::sign(&own, &claims, &thief).unwrap();
    refused(&issuer, &token, "signature does not hold");
    own.kid = Some("thief".to_owned());
    let token = proof::sign(&own, &claims, &thief).unwrap();
    refused(&issuer, &token, "not its issuer's");
    let changed = encoded(&provider.with("sub", json!("root")));
    refused(
        &issuer,
        &format!("{}.{changed}.{}", parts[0], parts[2]),
        "does not hold",
    );
    refused(
        &issuer,
        &format!("{}.{}.", parts[0], parts[1]),
        "does not hold",
    );
    let long = format!("{}.{}.{}", parts[0], "A".repeat(LONGEST), parts[2]);
    refused(&issuer, &long, "longer than");
    for junk in ["", ".", "..", "...", "a.b.c", "\u{0}"] {
        refused(&issuer, junk, "no signed JWT");
    }
}

#[test]
fn a_token_of_another_kind_or_algorithm_is_told_as_such() {
    let provider = Provider::new();
    let issuer = provider.issuer();
    let good = provider.token(&provider.claims());
    let parts: Vec<&str> = good.split('.').collect();
    let encoded = |value: &Value| BASE64.encode(value.to_string());
    // What a client has of its own is nobody's ID token.
    let access = encoded(&json!({"alg": "EdDSA", "kid": "a", "typ": "at+jwt"}));
    let access = format!("{access}.{}.{}", parts[1], parts[2]);
    refused(&issuer, &access, "another type");
    let workload = Issuer::new(provider.trusted(Purpose::Workload)).unwrap();
    refused(&workload, &access, "does not hold");
    let unsupported = encoded(&json!({"alg": "ES512", "kid": "a"}));
    let unsupported = format!("{unsupported}.{}.{}", parts[1], parts[2]);
    refused(&issuer, &unsupported, "ES512 is not supported");
}

#[test]
fn a_key_of_another_issuer_or_for_another_use_signs_nothing() {
    let (provider, other) = (Provider::new(), Provider::new());
    other.change(|answers| answers.keys = vec![jwk(&other.key, "b")]);
    let issuer = provider.issuer();
    let foreign = proof::sign(&header("b"), &provider.claims(), &other.key).unwrap();
    refused(&issuer, &foreign, "not its issuer's");
    let mut unfit = Vec::new();
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("alg", json!("ES256")),
        ("crv", json!("P-256")),
    ] {
        let mut key = jwk(&provider.key, "a");
        key[name] = value;
        unfit.push(key);
    }
    unfit.push(json!({"kty": "oct", "k": "AAAA", "kid": "a"}));
    unfit.push(json!({"kty": "future", "kid": "a"}));
    unfit.push(json!(7));
    for key in unfit {
        provider.change(|answers| answers.keys = vec![key.clone()]);
        let token = provider.token(&provider.claims());
        refused(&provider.issuer(), &token, "not its issuer's");
    }
    // Two keys of one name are none; a nameless token is checked with the only one there is.
    let twice = [jwk(&other.key, "a"), jwk(&provider.key, "a")];
    provider.change(|answers| answers.keys = twice.to_vec());
    refused(
        &provider.issuer(),
        &provider.token(&provider.claims()),
        "not its issuer's",
    );
    provider.change(|answers| answers.keys = vec![jwk(&provider.key, "a")]);
    let nameless = Header::new(Algorithm::EdDSA);
    let token = proof::sign(&nameless, &provider.claims(), &provider.key).unwrap();
    verify(&provider.issuer(), &token, 0).unwrap();
}
