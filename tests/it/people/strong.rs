//! Policies that ask for a strong sign-in: what the provider says that it did counts, not what it was asked.

use rustix::process::Signal;
use serde_json::json;

use super::{
    Team, kept,
    stolen::{claims, exchange, people, with_policies},
};
use crate::support::{
    Home,
    home::run,
    http::Answer,
    issuer::Issuer,
    jwt::Algorithm,
    serve::{Keys, Serve},
    web::CATALOGUE,
};
use jit::{domain::credential::Token, platform::keys};
use secrecy::SecretString;

const STRONG: &str = r#"
@id("strong")
@mfa_within("1h")
permit (principal, action == Action::"elevate", resource in Tier::"routine");
"#;

/// What the server answers to somebody who signed in just now, in that way.
fn asked(serve: &Serve, issuer: &Issuer, acr: &str, amr: &[&str]) -> Answer {
    let mut said = claims();
    said["acr"] = json!(acr);
    said["amr"] = json!(amr);
    said["jti"] = json!(format!("{acr} {amr:?}"));
    let holder = keys::generate().unwrap();
    let answer = exchange(serve, &issuer.sign(&said), &holder);
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let session = serve.let_in("stand-in", &[]).session;
    let guest = serve.guest(holder, Token(SecretString::from(token)), session);
    guest.ask("ssh/web:deploy", &Keys::new())
}

#[test]
fn a_sign_in_by_password_alone_satisfies_no_policy_that_wants_a_strong_one() {
    let issuer = Issuer::http(Algorithm::EdDsa);
    let more = "acr_values = [\"phr\"]\namr_values = [\"otp\"]\n";
    let serve = with_policies(&issuer, more, STRONG);
    let weak = asked(&serve, &issuer, "0", &["pwd"]);
    assert_eq!(weak.status, 401, "{weak:?}");
    let problem = weak.json();
    assert_eq!(problem["type"], "urn:jit:sign-in");
    assert_eq!(problem["max_age"], 3600);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("a strong sign-in (acr \"phr\", or amr \"otp\")"),
        "{detail}"
    );
    assert!(
        detail.contains("this one has acr \"0\", amr \"pwd\""),
        "{detail}"
    );
    assert!(problem["hint"].as_str().unwrap().contains("second factor"));
    assert_eq!(asked(&serve, &issuer, "phr", &["pwd"]).status, 200);
    assert_eq!(asked(&serve, &issuer, "0", &["pwd", "otp"]).status, 200);
}

#[test]
fn a_server_that_knows_no_strong_sign_in_refuses_a_policy_that_wants_one() {
    let issuer = Issuer::http(Algorithm::EdDsa);
    let mut serve = with_policies(&issuer, "amr_values = [\"otp\"]\n", STRONG);
    serve.stop(Signal::TERM);
    let home: &Home = &serve.home;
    home.write(
        "server/server.toml",
        &format!("listen = \"127.0.0.1:0\"\n{}", people(&issuer, "")),
    );
    let directory = home.path("server");
    for verb in [
        &["serve", "--config"][..],
        &["policy", "check", "--config-dir"],
    ] {
        let ran = run(home.jit(verb).arg(&directory));
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(
            ran.stderr
                .contains("policies/all.cedar:2: @mfa_within needs acr_values or amr_values"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains("@signed_in_within"), "{ran:?}");
    }
    home.write(
        "server/policies/all.cedar",
        &STRONG.replace("mfa_within", "signed_in_within"),
    );
    let ran = run(home
        .jit(["policy", "check", "--config-dir"])
        .arg(&directory));
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_provider_that_ignores_what_it_was_asked_for_satisfies_nothing() {
    let Some(team) = Team::configured(STRONG, "acr_values = [\"phr\"]\n", CATALOGUE) else {
        return;
    };
    let asks = || run(&mut team.home.jit(["request", "ssh/web:deploy"]));
    team.provider
        .signs_in_by("alice", &["pwd"], Some("single-factor"));
    team.login("alice");
    let ran = asks();
    assert_eq!(ran.code, 123, "{ran:?}");
    assert!(
        ran.stderr.contains("this one has acr \"single-factor\""),
        "{ran:?}"
    );
    let fresh = || {
        let ran = run(&mut team.jit("alice", &["login", "--fresh"]));
        assert_eq!(ran.code, 0, "{ran:?}");
    };
    fresh();
    assert_eq!(asks().code, 123);
    let before = kept(&team.home, &team.serve).holder.public();
    team.provider
        .signs_in_by("alice", &["pwd", "hwk"], Some("phr"));
    fresh();
    let ran = asks();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(kept(&team.home, &team.serve).holder.public(), before);
}
