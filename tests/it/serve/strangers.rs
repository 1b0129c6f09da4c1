//! What belongs to somebody else: it is not there, in whatever route it is asked for.

use serde_json::json;

use crate::support::Serve;
use crate::support::serve::Keys;
use crate::support::web::{CATALOGUE, POLICIES};

/// Alice may have what is in the catalogue; of the second one nobody may have anything.
const HIDDEN: &str = "
[resources.\"kubernetes/hidden\"]
server = \"https://hidden.invalid:6443\"
issuer = \"token-request\"
credential = \"file:hidden.token\"
labels = [\"hidden\"]
roles.view = { service_account = \"jit/view\" }
";

const FORBIDDEN: &str = "
@id(\"hidden\")
forbid (principal, action in Action::\"obtain\", resource in Label::\"hidden\");
@id(\"auditors\")
permit (principal in Group::\"auditors\", action == Action::\"audit\", resource);
";

fn serve() -> Serve {
    Serve::start(
        &format!("{CATALOGUE}{HIDDEN}"),
        &format!("{POLICIES}{FORBIDDEN}"),
    )
}

#[test]
fn an_elevation_of_somebody_else_is_not_there_in_any_route() {
    let serve = serve();
    let (alice, mallory) = (serve.let_in("alice", &[]), serve.let_in("mallory", &[]));
    let twin = serve.let_in("workload/alice", &[]);
    let (keys, theirs) = (Keys::new(), Keys::new());
    let granted = alice.ask("ssh/web:deploy", &keys).json();
    let pending = alice.ask("ssh/web:root", &keys);
    assert_eq!(pending.status, 202, "{}", pending.text());
    let never = "01kaqvvvvvvvvvvvvvvvvvvvvv";
    for stranger in [&mallory, &twin] {
        for elevation in [&granted, &pending.json()] {
            let id = elevation["id"].as_str().unwrap();
            let routes = [
                ("GET", format!("/v1/elevations/{id}"), json!(null)),
                ("GET", format!("/v1/elevations/{id}?wait=1"), json!(null)),
                (
                    "POST",
                    format!("/v1/elevations/{id}/credential"),
                    theirs.body(),
                ),
                (
                    "POST",
                    format!("/v1/elevations/{id}/credential"),
                    keys.renewal(&granted),
                ),
                ("POST", format!("/v1/elevations/{id}/revocation"), json!({})),
            ];
            for (method, path, body) in routes {
                let body = body.to_string();
                let body = if method == "GET" { "" } else { &body };
                let json = [("content-type", "application/json")];
                let answer = stranger.send_with(method, &path, &json, body.as_bytes());
                assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
                // Word for word what is said of one that never was.
                let none = path.replace(id, never);
                let other = stranger.send_with(method, &none, &json, body.as_bytes());
                assert_eq!(other.text(), answer.text().replace(id, never));
            }
        }
        assert_eq!(
            stranger.get("/v1/elevations").json()["elevations"],
            json!([])
        );
        let events = stranger.get("/v1/events").json();
        let events = events["events"].as_array().unwrap();
        assert!(
            events.iter().all(|event| event["kind"] == "signed-in"),
            "{events:?}"
        );
        let named = stranger.get("/v1/events?principal=alice").text();
        assert!(!named.contains("granted"), "{named}");
        assert_eq!(stranger.get("/v1/events/verification").status, 403);
    }
}

#[test]
fn one_sees_what_is_ones_own_and_no_token_serves_for_another_grant() {
    let serve = serve();
    let alice = serve.let_in("alice", &[]);
    let keys = Keys::new();
    let granted = alice.ask("ssh/web:deploy", &keys).json();
    assert_eq!(alice.ask("ssh/web:root", &keys).status, 202);
    let own = alice.get("/v1/elevations?state=granted").json();
    assert_eq!(own["elevations"][0]["id"], granted["id"]);
    assert_eq!(own["elevations"].as_array().unwrap().len(), 1);
    assert!(own["elevations"][0]["credential"].is_null());
    // The id of one's own under the token of another one.
    let second = alice.ask("ssh/web:deploy", &Keys::new()).json();
    let mixed = format!(
        "/v1/elevations/{}/credential",
        second["id"].as_str().unwrap()
    );
    let mixed = alice.post(&mixed, &keys.renewal(&granted));
    assert_eq!(mixed.status, 403, "{}", mixed.text());
}

#[test]
fn an_auditor_reads_the_ledger_page_by_page() {
    let serve = serve();
    let (alice, auditor) = (
        serve.let_in("alice", &[]),
        serve.let_in("olga", &["auditors"]),
    );
    for _ in 0..3 {
        let keys = Keys::new();
        assert_eq!(alice.ask("ssh/web:deploy", &keys).status, 200);
    }
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = auditor
            .get(&format!("/v1/events?after={after}&limit=3"))
            .json();
        let events = page["events"].as_array().unwrap();
        seen.extend(events.iter().map(|event| event["seq"].as_i64().unwrap()));
        match page["next"].as_i64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(seen, (1..=8).collect::<Vec<i64>>());
    let newest = auditor.get("/v1/events?limit=1").json();
    assert_eq!(newest["events"][0]["seq"], 8);
    assert!(newest["next"].is_null());
    let whole = auditor.get("/v1/events/verification").json();
    assert_eq!(
        (&whole["verdict"], &whole["entries"]),
        (&json!("whole"), &json!(8))
    );
}

#[test]
fn the_catalogue_shows_what_one_could_have_and_nothing_of_the_authoritys_own() {
    let serve = serve();
    let alice = serve.let_in("alice", &[]);
    let part = alice.get("/v1/resources");
    assert_eq!(part.status, 200, "{}", part.text());
    assert_eq!(
        part.json(),
        json!({"resources": {"ssh/web": {
            "kind": "ssh",
            "hosts": ["web.example.com"],
            "host_authority": null,
            "roles": {
                "deploy": {"tier": "routine"},
                "ops": {"tier": "elevated"},
                "root": {"tier": "sensitive"},
            },
        }}})
    );
    for (path, status) in [
        ("/v1/resources/ssh/web/trust", 200),
        ("/v1/resources/kubernetes/hidden/trust", 404),
        ("/v1/resources/kubernetes/never/trust", 404),
        ("/v1/resources/nonsense/web/trust", 404),
    ] {
        let answer = alice.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(!answer.text().contains("invalid"), "{}", answer.text());
    }
    let unknown = alice.ask("kubernetes/nowhere:view", &Keys::new());
    assert_eq!(unknown.status, 404);
    assert!(!unknown.text().contains("web"), "{}", unknown.text());
}
