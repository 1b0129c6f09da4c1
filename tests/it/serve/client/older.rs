//! A server that is older than the client.

use serde_json::Value;

use super::hostile::{honest, server};
use crate::support::{
    fake::{Asked, answer, json},
    home::run,
    serve::{Keys, Serve},
    web::{CATALOGUE, POLICIES},
};

/// What a server answers to a field that it does not know, as it would of that field.
fn refusal_of(field: &str) -> String {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let mut body = Keys::new().request("ssh/web:deploy");
    body["field_of_tomorrow"] = true.into();
    let refused = alice.post("/v1/elevations", &body);
    assert_eq!(refused.status, 400, "{refused:?}");
    refused.text().replace("field_of_tomorrow", field)
}

#[test]
fn a_server_of_before_programs_kept_their_credentials_is_asked_without_that_field() {
    let refusal = refusal_of("keeps_credential");
    let knows = move |asked: &Asked| asked.json().get("keeps_credential").is_none();
    let (fake, home) = server(move |asked| {
        if knows(asked) {
            return json(&honest("aws/prod:read"));
        }
        answer("400 Bad Request", "application/problem+json", "", &refusal)
    });
    let ran = run(&mut home.jit(["exec", "--on", "aws/prod", "--role", "read", "--", "env"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("AWS_ACCESS_KEY_ID=ASIA"), "{ran:?}");
    let asked: Vec<Value> = fake
        .asked("POST /v1/elevations")
        .iter()
        .map(Asked::json)
        .collect();
    let told: Vec<bool> = asked
        .iter()
        .map(|body| body["keeps_credential"] == true)
        .collect();
    assert_eq!(told, [true, false]);
}
