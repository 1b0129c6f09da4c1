//! What goes wrong, as the client reads it and as the log has it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use insta::assert_snapshot;
use serde_json::Value;

use super::client::believer;
use crate::support::Serve;
use crate::support::home::run;
use crate::support::http::Answer;
use crate::support::serve::Keys;
use crate::support::until;
use crate::support::web::{CATALOGUE, POLICIES};

const CLUSTER: &str = "
[resources.\"kubernetes/prod\"]
server = \"https://127.0.0.1:1\"
issuer = \"token-request\"
credential = \"file:/nowhere/very-secret.token\"
roles.view = { service_account = \"jit/view\" }
";

fn shown(answer: &Answer) -> String {
    let mut problem = answer.json();
    let id = answer.header("x-request-id").expect("an id").to_owned();
    if let Some(detail) = problem["detail"].as_str() {
        problem["detail"] = detail.replace(&id, "ID").into();
    }
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(problem["status"], answer.status);
    format!(
        "{} {}",
        answer.status,
        serde_json::to_string_pretty(&problem).unwrap()
    )
}

#[test]
fn whoever_speaks_plain_http_is_told_that_it_is_https() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let mut stream = TcpStream::connect(&serve.address).unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(body.contains("write https://"), "{body}");
    assert!(
        head.contains(&format!("content-length: {}\r\n", body.len())),
        "{head}"
    );
    // The same said by a client that was configured so.
    let plain = serve.url.replace("https://", "http://");
    let home = believer(&plain);
    let ran = run(&mut home.jit(["whoami"]));
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("server = \"https://"), "{ran:?}");
    assert_eq!(serve.site().get("/healthz").status, 200);
}

#[test]
fn problems_say_what_happened_and_what_to_do_next() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let json = [("content-type", "application/json")];
    let site = serve.site();
    let bad = |body: &str| alice.send_with("POST", "/v1/elevations", &json, body.as_bytes());
    let answers = [
        site.get("/nowhere"),
        site.send("PUT", "/healthz", &[], b"").unwrap(),
        site.get("/v1/session"),
        alice.ask("ssh/web:ops", &Keys::new()),
        alice.ask("ssh/web:never", &Keys::new()),
        alice.get("/v1/elevations/nonsense"),
        alice.get("/v1/elevations?stat=x"),
        alice.get("/v1/events?since=yesterday"),
        bad("{"),
        bad("{\"entitlement\":\"ssh/web:deploy\",\"justificaton\":\"x\"}"),
        alice.send_with("POST", "/v1/elevations", &[], b"{}"),
    ];
    let shown: Vec<String> = answers.iter().map(shown).collect();
    assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_private_cause_is_logged_under_the_requests_id_and_never_sent() {
    let serve = Serve::start(&format!("{CATALOGUE}{CLUSTER}"), POLICIES);
    let alice = serve.let_in("alice", &[]);
    let answer = alice.ask("kubernetes/prod:view", &Keys::new());
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(!answer.text().contains("nowhere"), "{}", answer.text());
    let id = answer.header("x-request-id").unwrap();
    assert!(answer.text().contains(id));
    let line = until("the log", || {
        let log = serve.log();
        log.lines()
            .find(|line| line.contains(id))
            .map(str::to_owned)
    });
    let line: Value = serde_json::from_str(&line).expect("one line of JSON");
    assert!(
        line["message"]
            .as_str()
            .unwrap()
            .contains("very-secret.token"),
        "{line}"
    );
    assert_eq!(line["request"], "POST /v1/elevations");
}
