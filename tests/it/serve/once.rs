//! Idempotency: whoever lost an answer and asks again gets the same.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use jit::domain::{
    event::{EventFilter, EventKind},
    once::Once,
    time::Timestamp,
};
use jit::platform::clock;
use jit::store::{database::Statement, spent};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::Serve;
use crate::support::http::Answer;
use crate::support::serve::{Guest, Keys, with_authority};
use crate::support::until;
use crate::support::web::{CATALOGUE, POLICIES};

const KEY: (&str, &str) = ("idempotency-key", "4711");

fn ask(guest: &Guest, body: &Value) -> Answer {
    guest.post_with("/v1/elevations", &[KEY], body)
}

fn recorded(serve: &Serve, kind: EventKind) -> usize {
    with_authority(&serve.path(""), async |authority| {
        let filter = EventFilter::default();
        let events = authority.store.ledger().list(&filter).await.unwrap();
        events
            .iter()
            .filter(|entry| entry.event.kind == kind)
            .count()
    })
}

#[test]
fn a_lost_answer_asked_for_again_is_the_same_also_after_a_restart() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let body = Keys::new().request("ssh/web:deploy");
    let first = ask(&alice, &body);
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(ask(&alice, &body).json(), first.json());
    serve.stop(Signal::KILL);
    serve.start_again();
    assert_eq!(ask(&alice, &body).json(), first.json());
    assert_eq!(recorded(&serve, EventKind::Granted), 1);
    assert_eq!(recorded(&serve, EventKind::Issued), 1);
    // What rests in the store is sealed.
    let token = first.json()["token"].as_str().unwrap().to_owned();
    let rests = std::fs::read(serve.path("state/ledger.db")).unwrap();
    let found = rests
        .windows(token.len())
        .any(|bytes| bytes == token.as_bytes());
    assert!(!found, "the token is readable in the database");
}

#[test]
fn a_denial_is_the_same_too_and_another_request_is_refused() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let (alice, bob) = (serve.let_in("alice", &[]), serve.let_in("bob", &[]));
    let keys = Keys::new();
    let body = keys.request("ssh/web:ops");
    let first = ask(&alice, &body);
    assert_eq!(first.status, 403, "{}", first.text());
    assert_eq!(first.json()["type"], "urn:jit:unexplained");
    assert_eq!(ask(&alice, &body).json(), first.json());
    assert_eq!(recorded(&serve, EventKind::Denied), 1);
    let mut other = body.clone();
    other["justification"] = "order 4711".into();
    let refused = ask(&alice, &other);
    assert_eq!(refused.status, 422, "{}", refused.text());
    // The key is Alice's own: Bob's is another one.
    assert_eq!(ask(&bob, &other).status, 200);
    for key in ["", "a b", &"x".repeat(256)] {
        let answer = alice.post_with("/v1/elevations", &[("idempotency-key", key)], &body);
        assert_eq!(answer.status, 400, "{key:?}: {}", answer.text());
    }
}

#[test]
fn of_many_who_repeat_at_once_all_get_one_grant() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let body = Keys::new().request("ssh/web:deploy");
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let answer = ask(&alice, &body);
                assert_eq!(answer.status, 200, "{}", answer.text());
                answers.lock().unwrap().push(answer.json());
            });
        }
    });
    let answers = answers.into_inner().unwrap();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(recorded(&serve, EventKind::Granted), 1);
    assert_eq!(recorded(&serve, EventKind::Issued), 1);
}

#[test]
fn what_was_granted_and_never_issued_is_issued_under_that_grant() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let body = Keys::new().request("ssh/web:deploy");
    let first = ask(&alice, &body).json();
    // As a process leaves it that ends between the two commits.
    with_authority(&serve.path(""), async |authority| {
        let lost = Statement::new("update answers set answer = ''", []);
        authority.store.write(&lost).await.unwrap();
    });
    let second = ask(&alice, &body);
    assert_eq!(second.status, 200, "{}", second.text());
    let second = second.json();
    assert_eq!(second["id"], first["id"]);
    assert_ne!(
        second["credential"]["serial"],
        first["credential"]["serial"]
    );
    assert_eq!(ask(&alice, &body).json(), second);
    assert_eq!(recorded(&serve, EventKind::Granted), 1);
    assert_eq!(recorded(&serve, EventKind::Issued), 2);
}

#[test]
fn what_was_granted_and_never_issued_is_not_issued_where_policy_says_no_by_now() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let body = Keys::new().request("ssh/web:deploy");
    assert_eq!(ask(&alice, &body).status, 200);
    with_authority(&serve.path(""), async |authority| {
        let lost = Statement::new("update answers set answer = ''", []);
        authority.store.write(&lost).await.unwrap();
    });
    serve.stop(Signal::TERM);
    let none = "@id(\"nothing\") forbid (principal, action, resource);";
    std::fs::write(serve.path("policies/all.cedar"), none).unwrap();
    serve.start_again();
    let refused = ask(&alice, &body);
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(recorded(&serve, EventKind::Issued), 1);
}

#[test]
fn what_served_once_is_forgotten_once_it_could_not_serve_any_more() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    serve.stop(Signal::TERM);
    let now = clock::now();
    let kept = [
        ("proof old", now.before(Duration::from_hours(1)), false),
        ("proof new", now, true),
        ("bootstrap", Timestamp::from_millis(i64::MAX), true),
    ];
    with_authority(&serve.path(""), async |authority| {
        for (id, until, _) in kept {
            let once = Once {
                id: id.to_owned(),
                until,
            };
            authority.store.write(&spent::spend(&once)).await.unwrap();
        }
    });
    serve.start_again();
    let is_spent = |id: &str| {
        with_authority(&serve.path(""), async |authority| {
            authority.store.is_spent(id).await.unwrap()
        })
    };
    until("it is forgotten", || (!is_spent("proof old")).then_some(()));
    for (id, _, stays) in kept {
        assert_eq!(is_spent(id), stays, "{id}");
    }
}
