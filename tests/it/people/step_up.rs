//! Where policy wants a sign-in that is younger than the caller's.

use jit::{
    domain::credential::Token,
    platform::{clock, keys},
};
use secrecy::SecretString;
use serde_json::json;

use super::stolen::{at, claims, exchange};
use crate::support::{
    issuer::Issuer,
    jwt::Algorithm,
    serve::{Guest, Keys, Serve},
};

const POLICIES: &str = r#"
@id("fresh")
@mfa_within("1h")
permit (principal, action == Action::"elevate", resource in Tier::"routine")
when { context.amr.contains("otp") && context has acr && context.acr == "multi-factor" };
"#;

/// Somebody whom that server lets in by an ID token with these claims.
fn guest(serve: &Serve, issuer: &Issuer, said: &serde_json::Value) -> Guest {
    let holder = keys::generate().unwrap();
    let answer = exchange(serve, &issuer.sign(said), &holder);
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let mut guest = serve.let_in("stand-in", &[]);
    guest.holder = holder;
    guest.token = Token(SecretString::from(token));
    guest
}

#[test]
fn an_old_sign_in_is_told_how_young_it_must_be() {
    let issuer = Issuer::http(Algorithm::EdDsa);
    let serve = at(&issuer, "");
    serve.home.write("server/policies/all.cedar", POLICIES);
    let mut serve = serve;
    serve.stop(rustix::process::Signal::TERM);
    serve.start_again();
    let now = clock::now().secs();
    let mut said = claims();
    said["acr"] = json!("multi-factor");
    let fresh = guest(&serve, &issuer, &said).ask("ssh/web:deploy", &Keys::new());
    assert_eq!(fresh.status, 200, "{fresh:?}");
    said["auth_time"] = json!(now - 7200);
    said["jti"] = json!("2");
    let old = guest(&serve, &issuer, &said).ask("ssh/web:deploy", &Keys::new());
    assert_eq!(old.status, 401, "{old:?}");
    let problem = old.json();
    assert_eq!(problem["type"], "urn:jit:sign-in");
    assert_eq!(problem["max_age"], 3600);
    assert_eq!(problem["hint"], "run: jit login --fresh");
    // A sign-in of unknown age is as good as none.
    said.as_object_mut().unwrap().remove("auth_time");
    said["jti"] = json!("3");
    let unknown = guest(&serve, &issuer, &said).ask("ssh/web:deploy", &Keys::new());
    assert_ne!(unknown.status, 200, "{unknown:?}");
    // Methods and class reach policy.
    for (name, value) in [("amr", json!(["pwd"])), ("acr", json!("single-factor"))] {
        let mut weak = claims();
        weak["acr"] = json!("multi-factor");
        weak[name] = value;
        weak["jti"] = json!(name);
        let answer = guest(&serve, &issuer, &weak).ask("ssh/web:deploy", &Keys::new());
        assert_eq!(answer.status, 403, "{answer:?}");
    }
}
