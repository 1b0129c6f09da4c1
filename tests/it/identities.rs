//! The OpenID provider and the foreign issuers of the tests are what they should be.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    thread,
    time::Duration,
};

use jsonwebtoken::{DecodingKey, Validation, decode, jwk::Jwk};
use serde_json::{Value, json};

use crate::support::{
    Home, Openid,
    http::{Site, escaped},
    issuer::{Issuer, Mood},
    jwt::{Algorithm, claims},
    run,
};

/// A verifier of PKCE, and the S256 challenge that its hash is (RFC 7636, appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[test]
fn a_browser_brings_a_code_and_the_code_tokens() {
    for provider in [Openid::start(), Openid::start_with_tls()] {
        let Some(provider) = provider else { return };
        provider.account("alice", &["dev"]);
        provider.signs_in_by("alice", &["pwd", "otp"], Some("multi-factor"));
        let tokens = sign_in(&provider, "alice", "").expect("tokens");
        let told = claims(tokens["id_token"].as_str().unwrap());
        assert_eq!(told["iss"], provider.issuer());
        assert_eq!(told["aud"], "jit");
        assert_eq!(told["sub"], "alice");
        assert_eq!(told["nonce"], "n");
        assert_eq!(told["groups"], json!(["dev"]));
        assert_eq!(told["amr"], json!(["pwd", "otp"]));
        assert_eq!(told["acr"], "multi-factor");
        assert!(told["auth_time"].is_u64());
        let key = provider.site().get("/jwks").json()["keys"][0].clone();
        assert_eq!(key["kty"], "RSA");
    }
}

#[test]
fn who_is_disabled_is_not_refreshed_and_does_not_sign_in() {
    let Some(provider) = Openid::start() else {
        return;
    };
    provider.account("alice", &[]);
    let tokens = sign_in(&provider, "alice", "").expect("tokens");
    let tokens = refresh(&provider, &tokens);
    assert!(tokens["id_token"].is_string(), "{tokens}");
    provider.claim("alice", "groups", json!(["moved"]));
    let tokens = refresh(&provider, &tokens);
    assert_eq!(
        claims(tokens["id_token"].as_str().unwrap())["groups"],
        json!(["moved"])
    );
    provider.disable("alice");
    assert_eq!(refresh(&provider, &tokens)["error"], "invalid_grant");
    assert!(sign_in(&provider, "alice", "").is_err());
    assert!(sign_in(&provider, "nobody", "").is_err());
    assert_eq!(sign_in(&provider, "", ""), Err("access_denied".to_owned()));
    provider.enable("alice");
    assert!(refresh(&provider, &tokens)["id_token"].is_string());
}

#[test]
fn a_browser_stays_signed_in_until_a_fresh_sign_in_is_asked_for() {
    let Some(provider) = Openid::start() else {
        return;
    };
    provider.account("alice", &[]);
    let home = Home::new();
    let browser = provider.browser(&home, "alice");
    let time = |more: &str| {
        let tokens = authorize(&provider, more, |url| {
            assert_eq!(run(home.command(&browser).arg(url)).code, 0);
        });
        let tokens = tokens.expect("tokens");
        claims(tokens["id_token"].as_str().unwrap())["auth_time"]
            .as_u64()
            .unwrap()
    };
    let first = time("");
    thread::sleep(Duration::from_millis(1100)); // the claim has seconds
    assert_eq!(time(""), first);
    assert!(time("&prompt=login") > first);
    let second = time("");
    thread::sleep(Duration::from_millis(1100));
    assert!(time("&max_age=0") > second);
}

#[test]
fn a_device_code_is_approved_by_somebody_at_a_browser() {
    let Some(provider) = Openid::start() else {
        return;
    };
    provider.account("alice", &["dev"]);
    let site = provider.site();
    let asked = site.post_form("/device/auth", &[("client_id", "jit"), ("scope", "openid")]);
    let asked = asked.json();
    let poll = || {
        site.post_form(
            "/token",
            &[
                ("client_id", "jit"),
                ("device_code", asked["device_code"].as_str().unwrap()),
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ],
        )
        .json()
    };
    assert_eq!(poll()["error"], "authorization_pending");
    let ran = provider.open(
        "alice",
        asked["verification_uri_complete"].as_str().unwrap(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(claims(poll()["id_token"].as_str().unwrap())["sub"], "alice");
}

#[test]
fn a_provider_may_be_slow_or_gone_or_quick_to_expire() {
    let Some(provider) = Openid::start() else {
        return;
    };
    provider.account("alice", &[]);
    provider.set("id_token_ttl", json!(7));
    let told = claims(
        sign_in(&provider, "alice", "").unwrap()["id_token"]
            .as_str()
            .unwrap(),
    );
    assert_eq!(told["exp"].as_u64(), told["iat"].as_u64().map(|at| at + 7));
    provider.set("gone", json!(true));
    let get = || provider.site().send("GET", "/jwks", &[], b"");
    assert!(get().is_err());
    provider.set("gone", json!(false));
    assert_eq!(get().unwrap().status, 200);
}

#[test]
fn a_foreign_issuer_signs_by_keys_that_it_publishes() {
    for issuer in [
        Issuer::http(Algorithm::Rs256),
        Issuer::https(Algorithm::Rs256),
    ] {
        let site = Site::new(issuer.url(), issuer.ca());
        let discovered = site.get("/.well-known/openid-configuration").json();
        assert_eq!(discovered["issuer"], issuer.url());
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            let before = issuer.sign(&json!({ "sub": "a", "exp": 4_102_444_800_u64 }));
            let newest = published(&site);
            let newest = newest.unwrap();
            assert_eq!(newest["kid"], issuer.key().id());
            assert!(verified(&before, &newest));
            issuer.rotate(algorithm);
            assert!(!verified(&before, &published(&site).unwrap()));
        }
        let (key, told) = (
            issuer.key(),
            json!({ "sub": "a", "exp": 4_102_444_800_u64 }),
        );
        assert!(key.unsigned("none", &told).ends_with('.'));
        for token in key.confused(&told) {
            assert!(!verified(&token, &key.public()));
        }
        issuer.add_key(Algorithm::EdDsa);
        assert_eq!(
            site.get("/jwks").json()["keys"].as_array().unwrap().len(),
            2
        );
        assert!(
            issuer
                .heard()
                .iter()
                .any(|head| head.starts_with("GET /jwks "))
        );
    }
}

#[test]
fn a_foreign_issuer_may_be_slow_or_gone_or_say_anything() {
    let issuer = Issuer::http(Algorithm::Es256);
    let site = Site::new(issuer.url(), None);
    issuer.put("/token", r#"{"value":"x"}"#);
    assert_eq!(site.get("/token?audience=jit").json()["value"], "x");
    assert_eq!(site.get("/nothing").status, 404);
    issuer.behave(Mood::Saying("{\"keys\":[".to_owned()));
    assert_eq!(site.get("/jwks").text(), "{\"keys\":[");
    issuer.behave(Mood::Slow(Duration::from_millis(10)));
    assert_eq!(site.get("/jwks").status, 200);
    issuer.behave(Mood::Gone);
    assert!(site.send("GET", "/jwks", &[], b"").is_err());
    issuer.behave(Mood::Well);
    assert_eq!(site.get("/jwks").status, 200);
}

fn published(site: &Site) -> Option<Value> {
    site.get("/jwks").json()["keys"].as_array()?.last().cloned()
}

fn verified(token: &str, key: &Value) -> bool {
    let jwk: Jwk = serde_json::from_value(key.clone()).unwrap();
    let algorithm = key["alg"].as_str().unwrap().parse().unwrap();
    let mut validation = Validation::new(algorithm);
    validation.validate_aud = false;
    decode::<Value>(token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).is_ok()
}

fn refresh(provider: &Openid, tokens: &Value) -> Value {
    let token = tokens["refresh_token"].as_str().unwrap();
    let fields = [
        ("client_id", "jit"),
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
    ];
    provider.site().post_form("/token", &fields).json()
}

/// What comes of a sign-in with an empty browser: tokens, or the error that the client is told.
fn sign_in(provider: &Openid, name: &str, more: &str) -> Result<Value, String> {
    authorize(provider, more, |url| drop(provider.open(name, url)))
}

/// Waits at a loopback address, as a native client does, for what `browse` brings there.
fn authorize(provider: &Openid, more: &str, browse: impl FnOnce(&str)) -> Result<Value, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let redirect = format!(
        "http://127.0.0.1:{}/callback",
        listener.local_addr().unwrap().port()
    );
    let url = format!(
        "{}/auth?client_id=jit&response_type=code&scope=openid%20email%20offline_access&redirect_uri={}\
         &state=s&nonce=n&code_challenge={CHALLENGE}&code_challenge_method=S256{more}",
        provider.issuer(),
        escaped(&redirect),
    );
    let waiting = thread::spawn(move || called(&listener));
    browse(&url);
    let address = redirect.strip_prefix("http://").unwrap().split('/').next();
    // Where the browser ended elsewhere, nobody called.
    let nobody = std::net::TcpStream::connect(address.unwrap());
    let query = waiting.join().unwrap();
    drop(nobody);
    let value = |key: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.to_owned())
    };
    let code = value("code").ok_or_else(|| value("error").unwrap_or_default())?;
    let fields = [
        ("client_id", "jit"),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", &redirect),
    ];
    Ok(provider.site().post_form("/token", &fields).json())
}

/// The query of the first call; empty where it says nothing.
fn called(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let mut heard = [0; 1 << 13];
    let length = stream.read(&mut heard).unwrap_or_default();
    drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"));
    let text = String::from_utf8_lossy(&heard[..length]).into_owned();
    let target = text.split(' ').nth(1).unwrap_or_default();
    target
        .split_once('?')
        .map(|(_, query)| query.to_owned())
        .unwrap_or_default()
}
