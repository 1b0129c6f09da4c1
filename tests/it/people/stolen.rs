//! What was stolen is good for nothing: a token without its key, a proof a second time, an ID token.

use std::process::Command;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jit::{
    domain::key::PrivateKey,
    platform::{
        clock, keys,
        proof::{Aim, prove, thumbprint},
    },
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{Team, events, kept, machine};
use crate::support::{
    home::run,
    http::{Answer, escaped},
    issuer::Issuer,
    jwt::Algorithm,
    serve::{Serve, with_authority},
    stranger::silent,
    web::{CATALOGUE, POLICIES},
};

const SESSION: &str = "/v1/session";

fn problem(answer: &Answer) -> Value {
    answer.json()
}

#[test]
fn a_session_token_is_useless_without_its_key_and_a_proof_a_second_time() {
    let Some(team) = Team::new() else { return };
    team.login("alice");
    let kept = kept(&team.home, &team.serve);
    let token = kept.token.0.expose_secret();
    let thief = keys::generate().unwrap();
    let url = format!("{}{SESSION}", team.serve.url);
    let aim = |method| Aim {
        method,
        url: &url,
        token: Some(token),
    };
    let ask = |scheme: &str, proof: &str| {
        let authorization = format!("{scheme} {token}");
        let headers = [("authorization", authorization.as_str()), ("dpop", proof)];
        team.serve
            .site()
            .send("GET", SESSION, &headers, b"")
            .unwrap()
    };
    let stolen = prove(&thief, &aim("GET"), clock::now()).unwrap();
    let answer = ask("DPoP", &stolen);
    assert_eq!(answer.status, 401);
    assert!(
        problem(&answer)["detail"]
            .as_str()
            .unwrap()
            .contains("bound to another key")
    );
    let own = prove(&kept.holder, &aim("GET"), clock::now()).unwrap();
    assert_eq!(ask("Bearer", &own).status, 401);
    assert_eq!(ask("DPoP", "").status, 401);
    assert_eq!(ask("DPoP", &own).status, 200);
    let answer = ask("DPoP", &own);
    assert_eq!(answer.status, 401, "a second time");
    assert!(
        problem(&answer)["detail"]
            .as_str()
            .unwrap()
            .contains("shown before")
    );
    let for_another = prove(&kept.holder, &aim("DELETE"), clock::now()).unwrap();
    assert_eq!(ask("DPoP", &for_another).status, 401);
    assert_eq!(team.who()["principal"], "alice", "nothing ended");
}

/// Whoever reads all that rests on a machine is that machine, until its person signs out.
#[test]
fn a_copy_of_a_session_is_of_no_use_once_its_person_signed_out() {
    let Some(team) = Team::new() else { return };
    team.login("alice");
    let thief = machine(&team.serve);
    let copied = run(Command::new("cp")
        .arg("-a")
        .args([team.home.path("state"), thief.path("stolen")]));
    assert_eq!(copied.code, 0, "{copied:?}");
    let steals = |args: &[&str]| {
        let mut jit = thief.jit(args);
        run(jit.env("XDG_STATE_HOME", thief.path("stolen")))
    };
    let before = steals(&["whoami"]);
    assert_eq!(before.code, 0, "{before:?}");
    assert_eq!(run(&mut team.home.jit(["logout"])).code, 0);
    for args in [
        &["whoami"][..],
        &["request", "ssh/web:deploy"],
        &["audit"],
        &["exec", "--on", "ssh/web", "--", "true"],
    ] {
        let ran = steals(args);
        assert_eq!((ran.code, &*ran.stdout), (123, ""), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains("jit login"), "{ran:?}");
    }
    let granted = events(&team.serve)
        .iter()
        .any(|(kind, _, _)| kind == "granted");
    assert!(!granted, "{:?}", events(&team.serve));
}

/// A server that takes people by the word of that issuer.
pub(super) fn at(issuer: &Issuer, more: &str) -> Serve {
    with_policies(issuer, more, POLICIES)
}

/// The same with other policies.
pub(super) fn with_policies(issuer: &Issuer, more: &str, policies: &str) -> Serve {
    Serve::start_with(CATALOGUE, policies, &people(issuer, more))
}

/// `[people]` of that issuer.
pub(crate) fn people(issuer: &Issuer, more: &str) -> String {
    let url = issuer.url();
    format!("[people]\nissuer = \"{url}\"\nclient_id = \"jit\"\n{more}")
}

/// Alice signed in just now.
pub(crate) fn claims() -> Value {
    let now = clock::now().secs();
    json!({
        "sub": "1234", "aud": "jit", "preferred_username": "alice", "groups": ["dev"],
        "iat": now, "exp": now + 300, "auth_time": now, "amr": ["pwd", "otp"],
    })
}

/// Exchanges an ID token as somebody with that key.
pub(crate) fn exchange(serve: &Serve, id_token: &str, holder: &PrivateKey) -> Answer {
    exchange_as(serve, "id_token", id_token, holder)
}

/// Exchanges a token of that type of RFC 8693 as somebody with that key.
pub(crate) fn exchange_as(serve: &Serve, kind: &str, token: &str, holder: &PrivateKey) -> Answer {
    let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
    exchange_of_type(serve, &kind, token, holder)
}

/// Exchanges a token of any type, the whole URN.
pub(crate) fn exchange_of_type(
    serve: &Serve,
    kind: &str,
    token: &str,
    holder: &PrivateKey,
) -> Answer {
    let url = format!("{}/v1/token", serve.url);
    let aim = Aim {
        method: "POST",
        url: &url,
        token: None,
    };
    let proof = prove(holder, &aim, clock::now()).unwrap();
    let form = format!(
        "grant_type={}&subject_token_type={}&subject_token={}",
        escaped("urn:ietf:params:oauth:grant-type:token-exchange"),
        escaped(kind),
        escaped(token),
    );
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("dpop", proof.as_str()),
    ];
    serve
        .site()
        .send("POST", "/v1/token", &headers, form.as_bytes())
        .unwrap()
}

#[test]
fn an_id_token_serves_one_key_and_once() {
    let issuer = Issuer::http(Algorithm::Es256);
    let serve = at(&issuer, "");
    let (own, thief) = (keys::generate().unwrap(), keys::generate().unwrap());
    let nonce = thumbprint(own.public()).unwrap();
    let mut said = claims();
    said["nonce"] = nonce.into();
    let id_token = issuer.sign(&said);
    let answer = exchange(&serve, &id_token, &thief);
    assert_eq!(answer.status, 400, "{answer:?}");
    let said = problem(&answer);
    assert_eq!(said["error"], "invalid_grant");
    assert_eq!(said["type"], "urn:jit:sign-in");
    assert!(
        said["detail"].as_str().unwrap().contains("(nonce)"),
        "{said}"
    );
    let answer = exchange(&serve, &id_token, &own);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["token_type"], "DPoP");
    // Whoever lost the answer gets the same session again; nobody else anything.
    let before = events(&serve).len();
    assert_eq!(exchange(&serve, &id_token, &own).status, 200);
    assert_eq!(events(&serve).len(), before);
    // One without a nonce, as a device has it, serves its first key.
    let mut said = claims();
    said["jti"] = "another".into();
    let free = issuer.sign(&said);
    let (first, second) = (keys::generate().unwrap(), keys::generate().unwrap());
    assert_eq!(exchange(&serve, &free, &first).status, 200);
    let answer = exchange(&serve, &free, &second);
    assert_eq!(answer.status, 400);
    assert!(
        problem(&answer)["detail"]
            .as_str()
            .unwrap()
            .contains("used already")
    );
}

#[test]
fn a_sign_in_that_is_still_to_come_is_of_unknown_age() {
    let issuer = Issuer::http(Algorithm::Es256);
    let serve = at(&issuer, "");
    for (ahead, is_known) in [(0, true), (86_400, false)] {
        let holder = keys::generate().unwrap();
        let mut said = claims();
        said["auth_time"] = (clock::now().secs() + ahead).into();
        let answer = exchange(&serve, &issuer.sign(&said), &holder);
        assert_eq!(answer.status, 200, "{answer:?}");
        let signed_in = with_authority(&serve.path(""), async |authority| {
            let session = authority
                .store
                .session_of(holder.public(), clock::now())
                .await
                .unwrap();
            session.unwrap().0.caller.sign_in
        });
        assert_eq!(signed_in.is_some(), is_known, "{ahead}");
    }
}

#[test]
fn a_token_that_is_bound_to_no_key_begins_no_longer_session_for_being_shown_late() {
    let issuer = Issuer::http(Algorithm::Es256);
    let serve = at(&issuer, "[lifecycle.human]\nsession = \"12h\"\n");
    let begun = clock::now().secs() - 7200;
    for name in ["auth_time", "iat"] {
        let holder = keys::generate().unwrap();
        let mut said = claims();
        said["iat"] = begun.into();
        said["auth_time"] = begun.into();
        if name == "iat" {
            // How old the sign-in is, nobody says: no older than the token, so that counts.
            said.as_object_mut().unwrap().remove("auth_time");
        }
        let answer = exchange(&serve, &issuer.sign(&said), &holder);
        assert_eq!(answer.status, 200, "{answer:?}");
        let session = with_authority(&serve.path(""), async |authority| {
            authority
                .store
                .session_of(holder.public(), clock::now())
                .await
                .unwrap()
        });
        let until = session.unwrap().0.expires_at.secs();
        assert_eq!(until, begun + 12 * 3600, "{name}");
    }
}

#[test]
fn whoever_is_nobody_yet_is_told_nothing_of_where_issuers_are() {
    let (_listener, port) = silent();
    let people = format!("[people]\nissuer = \"http://127.0.0.1:{port}\"\nclient_id = \"jit\"\n");
    let serve = Serve::start_with(CATALOGUE, POLICIES, &people);
    let issuer = Issuer::http(Algorithm::Es256);
    let token = issuer.sign(&claims());
    let answer = exchange(&serve, &token, &keys::generate().unwrap());
    assert_eq!(answer.status, 504, "{answer:?}");
    assert!(!answer.text().contains("127.0.0.1"), "{answer:?}");
    assert!(serve.log().contains(&port.to_string()), "{}", serve.log());
}

#[test]
fn what_is_no_token_exchange_is_told_in_oauths_words() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let post = |headers: &[(&str, &str)], body: &str| {
        serve
            .site()
            .send("POST", "/v1/token", headers, body.as_bytes())
            .unwrap()
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let exchange = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";
    for (headers, body, error) in [
        (vec![], exchange.to_owned(), "invalid_request"),
        (
            vec![form],
            "grant_type=password".to_owned(),
            "unsupported_grant_type",
        ),
        (
            vec![form],
            format!("{exchange}&{exchange}"),
            "invalid_request",
        ),
        (vec![form], exchange.to_owned(), "invalid_dpop_proof"),
        (
            vec![form, ("dpop", "x")],
            exchange.to_owned(),
            "invalid_dpop_proof",
        ),
    ] {
        let answer = post(&headers, &body);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.json()["error"], error, "{body}");
    }
}

#[test]
fn what_is_not_an_id_token_for_this_server_is_refused() {
    let issuer = Issuer::http(Algorithm::Rs256);
    let other = Issuer::http(Algorithm::Rs256);
    let serve = at(&issuer, "");
    let with = |name: &str, value: Value| {
        let mut said = issuer.with_issuer(&claims());
        said[name] = value;
        said
    };
    let now = clock::now().secs();
    let own = issuer.sign(&claims());
    let parts: Vec<&str> = own.split('.').collect();
    let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let refused = [
        issuer.sign(&with("aud", json!("another"))),
        issuer.sign(&with("aud", json!(["jit", "another"]))),
        issuer.sign(&with("iss", json!(other.url()))),
        issuer.sign(&with("exp", json!(now - 120))),
        issuer.sign(&with("nbf", json!(now + 120))),
        issuer.sign(&with("sub", json!("x".repeat(20_000)))),
        other.sign(&claims()),
        other.key().sign(&issuer.with_issuer(&claims())),
        format!("{unsigned}.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        "junk".to_owned(),
        String::new(),
    ];
    for (number, token) in refused.iter().enumerate() {
        let answer = exchange(&serve, token, &keys::generate().unwrap());
        assert_eq!(answer.status, 400, "{number}: {answer:?}");
        assert!(!answer.text().contains(parts[2]), "{number}");
    }
    assert_eq!(events(&serve), []);
    // Counted and told, and no events: nobody who is not let in makes the ledger longer.
    let counted = serve.site().get("/metrics");
    let line = "jit_sign_ins_refused_total{by=\"id_token\",reason=\"untrusted\"} 12";
    assert!(counted.text().contains(line), "{}", counted.text());
    let log = serve.log();
    let told = log
        .lines()
        .filter(|line| line.contains("\"sign_in\":\"refused\""));
    let told: Vec<Value> = told
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // One address has so many lines a minute.
    assert!((5..12).contains(&told.len()), "{log}");
    assert_eq!(told[0]["address"], "127.0.0.1");
    assert!(
        told[0]["detail"]
            .as_str()
            .unwrap()
            .contains("its `aud` is to name \"jit\""),
        "{log}"
    );
    assert!(!log.contains(parts[2]), "{log}");
    assert_eq!(
        exchange(&serve, &own, &keys::generate().unwrap()).status,
        200
    );
}
