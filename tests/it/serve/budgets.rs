//! What one caller may use up: processor time, requests, events of the ledger and questions to others.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use jit::{
    domain::credential::Token,
    issuers::aws::{Binding, Place, sign},
    platform::{clock, keys, proof::thumbprint},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::member::POLICIES as MEMBERS;
use crate::{
    people::stolen::{claims, exchange, exchange_of_type, people},
    support::{
        Serve,
        fake::{Fake, answer},
        http::Answer,
        issuer::Issuer,
        jwt::Algorithm,
        serve::{Guest, Keys},
        web::{CATALOGUE, POLICIES},
    },
};

/// A catalogue of 100 resources with 3 roles each.
fn large() -> String {
    let resources = (0..100)
        .map(|number| {
            format!(
                "[resources.\"ssh/web-{number}\"]\nhosts = [\"web-{number}.example.com\"]\n\
                 roles.deploy = {{}}\nroles.ops = {{ tier = \"elevated\" }}\nroles.root = {{ tier = \"sensitive\" }}\n"
            )
        });
    resources.collect::<Vec<_>>().concat()
}

#[test]
fn others_are_elevated_while_one_person_reads_a_large_catalogue_again_and_again() {
    let limits = "[limits]\nrequests_per_caller = 100000\nrequests_per_address = 100000\n";
    let catalogue = large() + CATALOGUE;
    let serve = Serve::start_with(&catalogue, POLICIES, limits);
    let (greedy, other) = (serve.let_in("mallory", &[]), serve.let_in("alice", &[]));
    let (read, elevations) = (AtomicUsize::new(0), 40);
    thread::scope(|scope| {
        let ended = Arc::new(());
        for _ in 0..16 {
            let running = Arc::downgrade(&ended);
            let (greedy, read) = (&greedy, &read);
            scope.spawn(move || {
                while running.upgrade().is_some() {
                    // One at a time: the others wait for their turn, and come again where that is long.
                    let status = greedy.get("/v1/resources").status;
                    assert!(status == 200 || status == 429, "{status}");
                    read.fetch_add(usize::from(status == 200), Ordering::SeqCst);
                }
            });
        }
        for _ in 0..elevations {
            assert_eq!(other.ask("ssh/web:deploy", &Keys::new()).status, 200);
        }
        drop(ended);
    });
    // Read one at a time, it is read about as often as somebody is elevated; side by side, more than twice.
    let read = read.into_inner();
    assert!(
        read < elevations * 2,
        "the catalogue was read {read} times during {elevations} elevations"
    );
}

/// An agent of somebody.
fn agent(serve: &Serve, of: &Guest, name: &str) -> Guest {
    let holder = keys::generate().unwrap();
    let body =
        json!({"to": name, "only": ["ssh/web:deploy"], "ttl": 3600, "holder": holder.public()});
    let handed = of.post("/v1/delegations", &body);
    assert_eq!(handed.status, 200, "{}", handed.text());
    let view = handed.json();
    let token = view["token"].as_str().unwrap().to_owned();
    let mut session = of.session.clone();
    session.id = view["id"].as_str().unwrap().parse().unwrap();
    serve.guest(holder, Token(SecretString::from(token)), session)
}

/// How many of so many requests, one after the other, were not refused.
fn allowed(guests: &[&Guest], requests: usize) -> usize {
    let all = guests.iter().cycle().take(requests);
    let statuses = all.map(|guest| guest.get("/v1/session").status);
    statuses.filter(|status| *status == 200).count()
}

#[test]
fn an_agents_requests_count_as_those_of_whom_it_acts_for() {
    let serve = Serve::start_with(CATALOGUE, MEMBERS, "[limits]\nrequests_per_caller = 4\n");
    let (alice, bob) = (serve.let_in("alice", &[]), serve.let_in("bob", &[]));
    let bobs = agent(&serve, &bob, "claude");
    let alices: Vec<Guest> = (0..3)
        .map(|number| agent(&serve, &alice, &format!("claude-{number}")))
        .collect();
    let namesake = agent(&serve, &alice, "claude");
    let hers: Vec<&Guest> = alices.iter().chain([&namesake, &alice]).collect();
    let begun = Instant::now();
    let allowed_to_hers = allowed(&hers, 60);
    let share = 8 + 4 * usize::try_from(begun.elapsed().as_secs() + 1).unwrap();
    assert!(
        allowed_to_hers <= share,
        "{allowed_to_hers} of 60, and one person's share is {share}"
    );
    assert!(
        allowed(&[&bobs], 2) == 2,
        "another one's agent of that name is refused"
    );
}

#[test]
fn a_principal_has_a_budget_of_events_and_may_always_end_what_it_has() {
    let serve = Serve::start_with(CATALOGUE, MEMBERS, "[limits]\nevents_per_caller = 9\n");
    let (alice, bob) = (serve.let_in("alice", &[]), serve.let_in("bob", &[]));
    let helper = agent(&serve, &alice, "helper");
    let asked: Vec<Answer> = (0..8)
        .map(|number| {
            let who = if number % 2 == 0 { &alice } else { &helper };
            who.ask("ssh/web:deploy", &Keys::new())
        })
        .collect();
    let statuses: Vec<u16> = asked.iter().map(|answer| answer.status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = asked.iter().find(|answer| answer.status == 429).unwrap();
    assert!(refused.header("retry-after").is_some());
    assert_eq!(bob.ask("ssh/web:deploy", &Keys::new()).status, 200);
    let id = asked[0].json()["id"].as_str().unwrap().to_owned();
    let ended = alice.post(&format!("/v1/elevations/{id}/revocation"), &json!({}));
    assert_eq!(ended.status, 200, "{}", ended.text());
    assert_eq!(
        alice.send_with("DELETE", "/v1/session", &[], b"").status,
        200
    );
}

/// Whoever signs in again and again makes the ledger longer too.
#[test]
fn sign_ins_count_in_the_budget_of_events_of_who_signs_in() {
    let issuer = Issuer::http(Algorithm::Es256);
    let more = people(&issuer, "[limits]\nevents_per_caller = 4\n");
    let serve = Serve::start_with(CATALOGUE, POLICIES, &more);
    let signs_in = |name: &str, number: u32| {
        let mut said = claims();
        said["sub"] = json!(name);
        said["preferred_username"] = json!(name);
        said["jti"] = json!(number);
        exchange(&serve, &issuer.sign(&said), &keys::generate().unwrap())
    };
    let statuses: Vec<u16> = (0..8)
        .map(|number| signs_in("alice", number).status)
        .collect();
    assert_eq!(statuses[..4], [200; 4], "{statuses:?}");
    assert!(statuses[4..].contains(&429), "{statuses:?}");
    let refused = signs_in("alice", 9);
    assert!(refused.status == 200 || refused.header("retry-after").is_some());
    assert_eq!(signs_in("bob", 1).status, 200);
    // It is no failed sign-in, of which an address has so many.
    let counted = serve.site().get("/metrics").text();
    assert!(
        !counted.contains("jit_sign_ins_refused_total{"),
        "{counted}"
    );
}

/// A sign-in by an AWS identity that somebody made up.
pub(super) fn made_up(serve: &Serve, endpoint: &str) -> Answer {
    let holder = keys::generate().unwrap();
    let print = thumbprint(holder.public()).unwrap();
    let credentials = aws_credential_types::Credentials::new(
        "AKIAIOSFODNN7EXAMPLE",
        "made up",
        None,
        None,
        "test",
    );
    let place = Place {
        region: "eu-west-1",
        endpoint: Some(endpoint),
    };
    let binding = Binding {
        server: &serve.url,
        key: &print,
    };
    let shown = sign(&credentials, &place, &binding, clock::now()).unwrap();
    let signed = shown.expose_secret();
    exchange_of_type(serve, "urn:jit:token-type:aws", signed, &holder)
}

#[test]
fn identities_that_are_made_up_are_passed_on_to_their_provider_a_few_times_only() {
    let denied = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>";
    let sts = Fake::start(move |_| answer("403 Forbidden", "text/xml", "", denied));
    let more = format!(
        "[[workloads]]\nname = 'deployer'\nkind = 'aws'\nendpoint = '{}'\nprincipal = 'aws-{{role}}'\n\
         match = {{ account = '123456789012' }}\n[limits]\nfailed_sign_ins_per_address = 6\n",
        sts.url
    );
    let serve = Serve::start_with(CATALOGUE, POLICIES, &more);
    let statuses = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let status = made_up(&serve, &sts.url).status;
                statuses.lock().unwrap().push(status);
            });
        }
    });
    let statuses = statuses.into_inner().unwrap();
    let passed_on = sts.asked("POST").len();
    // What failed a minute ago is forgotten bit by bit: a slow run has room for one or two more.
    assert!((1..=12).contains(&passed_on), "{passed_on}");
    let told = statuses.iter().filter(|status| **status == 400).count();
    assert_eq!(told, passed_on, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [400, 429].contains(status)),
        "{statuses:?}"
    );
}
