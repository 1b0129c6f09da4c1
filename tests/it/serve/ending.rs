//! A server that ends finishes what was begun, and comes again as it was.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use jit::domain::credential::Token;
use jit::domain::elevation::State;
use jit::domain::event::{EventFilter, EventKind};
use jit::domain::key::PublicKey;
use jit::platform::clock::now;
use jit::platform::keys::generate;
use rustix::process::Signal;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::member::POLICIES as MEMBERS;
use crate::support::Serve;
use crate::support::serve::{Guest, Keys, with_authority};
use crate::support::web::{CATALOGUE, POLICIES};

#[test]
fn a_server_comes_again_with_the_same_authority_and_the_same_sessions() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let (keys, ca) = (Keys::new(), std::fs::read(serve.ca()).unwrap());
    let first = alice.ask("ssh/web:deploy", &keys).json();
    serve.stop(Signal::TERM);
    let log = serve.log();
    assert!(log.contains(&serve.address), "{log}");
    serve.start_again();
    assert_eq!(std::fs::read(serve.ca()).unwrap(), ca);
    let path = format!(
        "/v1/elevations/{}/credential",
        first["id"].as_str().unwrap()
    );
    let renewed = alice.post(&path, &keys.renewal(&first));
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    serve.signal(Signal::INT);
    serve.stop(Signal::INT);
}

/// Asks until there is an answer, with the same key, as a client does whose server is replaced.
fn ask(guest: &Guest, key: &str) -> String {
    let body = Keys::new().request("ssh/web:deploy").to_string();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", key),
    ];
    let answer = crate::support::until("an answer", || {
        let answer = guest.try_send("POST", "/v1/elevations", &headers, body.as_bytes());
        answer.ok().filter(|answer| answer.status != 503)
    });
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_that_is_replaced_loses_no_request_and_answers_none_twice_differently() {
    let limits = "[limits]\nrequests_per_caller = 10000\nrequests_per_address = 10000\n";
    let mut serve = Serve::start_with(CATALOGUE, POLICIES, limits);
    let alice = serve.let_in("alice", &[]);
    let grants = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for who in 0..4 {
            let (alice, grants) = (&alice, &grants);
            scope.spawn(move || {
                for n in 0..25 {
                    let id = ask(alice, &format!("{who}-{n}"));
                    assert!(grants.lock().unwrap().insert(id), "one grant for two asks");
                }
            });
        }
        for signal in [Signal::TERM, Signal::KILL, Signal::TERM] {
            thread::sleep(Duration::from_millis(150));
            serve.stop(signal);
            serve.start_again();
        }
    });
    let granted = with_authority(&serve.path(""), async |authority| {
        let filter = EventFilter::default();
        let entries = authority.store.ledger().list(&filter).await.unwrap();
        let granted = entries.into_iter().map(|entry| entry.event);
        let granted = granted.filter(|event| event.kind == EventKind::Granted);
        granted.map(|event| event.grant.to_string()).collect()
    });
    assert_eq!(grants.into_inner().unwrap(), granted);
}

#[test]
fn a_server_that_ends_answers_what_was_begun_and_lets_nobody_wait() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let pending = alice.ask("ssh/web:root", &Keys::new()).json();
    let path = format!("/v1/elevations/{}?wait=30", pending["id"].as_str().unwrap());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| alice.get(&path));
        thread::sleep(Duration::from_millis(300));
        serve.signal(Signal::TERM);
        let answer = waiting.join().unwrap();
        assert_eq!(
            (answer.status, answer.json()["state"].as_str()),
            (200, Some("pending"))
        );
    });
    serve.stop(Signal::TERM);
    assert!(serve.site().send("GET", "/healthz", &[], b"").is_err());
}

#[test]
fn a_session_that_another_one_replaces_leaves_the_grants_and_nothing_else() {
    let serve = Serve::start(CATALOGUE, MEMBERS);
    let (before, after) = (serve.let_in("alice", &[]), serve.let_in("alice", &[]));
    let keys = Keys::new();
    let first = before.ask("ssh/web:deploy", &keys).json();
    let mut asked = Keys::new().request("ssh/web:root");
    asked["justification"] = "a fire".into();
    let pending = before.post("/v1/elevations", &asked);
    assert_eq!(pending.status, 202, "{}", pending.text());
    let holder = generate().unwrap();
    let handed = before.post(
        "/v1/delegations",
        &json!({"to": "helper", "only": ["ssh/web:deploy"], "ttl": 600, "holder": holder.public()}),
    );
    assert_eq!(handed.status, 200, "{}", handed.text());
    let token = handed.json()["token"].as_str().unwrap().to_owned();
    let token = Token(SecretString::from(token));
    let agent = serve.guest(holder, token, before.session.clone());
    let lent = agent.ask("ssh/web:deploy", &Keys::new()).json();
    let replaced = |by: PublicKey| {
        let path = format!("/v1/session?successor={}", by.to_base64url());
        before.send_with("DELETE", &path, &[], b"")
    };
    // Neither somebody else's session, nor itself, nor one that somebody was lent.
    let bob = serve.let_in("bob", &[]);
    for other in [&bob, &before, &agent] {
        assert_eq!(replaced(other.holder.public()).status, 400);
    }
    let ended = replaced(after.holder.public());
    assert_eq!(ended.status, 200, "{}", ended.text());
    assert_eq!(ended.json()["other_sessions"], 1);
    // Its own key opens nothing any more, nor does that of whoever acted for it.
    for gone in [&before, &agent] {
        assert_eq!(gone.get("/v1/session").status, 401);
    }
    let state = |one: &Value| {
        let id = one["id"].as_str().unwrap().to_owned();
        let elevation = with_authority(&serve.path(""), async |authority| {
            let id = id.parse().unwrap();
            let found = authority.store.elevation(&id, now()).await;
            found.unwrap().unwrap()
        });
        elevation.state(now())
    };
    assert_eq!(state(&pending.json()), State::Denied);
    assert_eq!(state(&lent), State::Revoked);
    // What was granted goes on, in the session that came in its place.
    let path = format!(
        "/v1/elevations/{}/credential",
        first["id"].as_str().unwrap()
    );
    let renewed = after.post(&path, &keys.renewal(&first));
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    // And ends with that.
    let ended = after.send_with("DELETE", "/v1/session", &[], b"");
    assert_eq!(ended.status, 200, "{}", ended.text());
    assert_eq!(ended.json()["other_sessions"], 0);
    assert_eq!(state(&first), State::Revoked);
}
