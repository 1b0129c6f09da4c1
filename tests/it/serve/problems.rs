//! What goes wrong, as the client reads it and as the log has it.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::Serve;
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
