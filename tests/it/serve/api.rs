//! The API's own description, and what is counted.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support::Serve;
use crate::support::serve::Keys;
use crate::support::web::{CATALOGUE, POLICIES};

/// The paths by the names of their constants.
fn paths() -> BTreeMap<String, String> {
    let source = fs::read_to_string("src/protocol/path.rs").unwrap();
    let lines = source.lines().filter_map(|line| {
        let (name, path) = line.strip_prefix("pub const ")?.split_once(": &str = \"")?;
        Some((name.to_owned(), path.trim_end_matches("\";").to_owned()))
    });
    lines.collect()
}

/// What is routed: the path and its methods.
fn routes() -> Vec<(String, Vec<&'static str>)> {
    let (paths, source) = (paths(), fs::read_to_string("src/server/routes.rs").unwrap());
    let routed = source.split(".route(").skip(1).map(|route| {
        let route = route.split("\n        .").next().unwrap();
        let name = route.trim().strip_prefix("path::").expect("a constant");
        let name = name.split(',').next().unwrap();
        let methods = ["get", "post", "put", "patch", "delete"].into_iter();
        let methods = methods.filter(|method| route.contains(&format!("{method}(")));
        (paths[name].clone(), methods.collect())
    });
    routed.collect()
}

#[test]
fn whatever_is_posted_in_a_session_has_a_key_to_be_repeated_by() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let document = serve.site().get("/openapi.json").json();
    let described = document["paths"].as_object().unwrap();
    let posted = described.iter().filter(|(path, item)| {
        let asks = item["post"]["security"].is_array();
        // What has ended has ended, however often that is said.
        asks && !path.ends_with("/revocation")
    });
    let mut count = 0;
    for (path, item) in posted {
        let of = |one: &&Value| one["name"] == "Idempotency-Key" && one["in"] == "header";
        let parameters = item["post"]["parameters"].as_array();
        let found = parameters.and_then(|all| all.iter().find(of));
        assert!(found.is_some(), "{path}: {}", item["post"]["parameters"]);
        count += 1;
    }
    assert_eq!(count, 7);
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let answer = serve.site().get("/openapi.json");
    assert_eq!(answer.status, 200);
    let document = answer.json();
    let described = document["paths"].as_object().unwrap();
    let routes = routes();
    assert!(routes.len() > 10, "{routes:?}");
    for (path, methods) in &routes {
        if path == "/openapi.json" {
            continue;
        }
        let item = &document["paths"][path];
        let item = item
            .as_object()
            .unwrap_or_else(|| panic!("{path} is not described"));
        let told: Vec<&String> = item.keys().collect();
        assert_eq!(
            told.len(),
            methods.len(),
            "{path}: {told:?}, not {methods:?}"
        );
        for method in methods {
            assert!(
                item.contains_key(*method),
                "{method} {path} is not described"
            );
            let responses = item[*method]["responses"].as_object().unwrap();
            assert!(responses.contains_key("429"), "{method} {path}");
        }
    }
    for path in described.keys() {
        assert!(
            routes.iter().any(|(route, _)| route == path),
            "{path} is no route"
        );
    }
}

/// The names of what a body may hold, as the description has it.
fn fields(document: &Value, schema: &str) -> Vec<String> {
    let schema = &document["components"]["schemas"][schema];
    let parts = schema["allOf"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![schema.clone()]);
    let mut names = Vec::new();
    for part in parts {
        if let Some(other) = part["$ref"].as_str() {
            let other = other.rsplit('/').next().unwrap();
            names.extend(fields(document, other));
        }
        assert_ne!(
            part["additionalProperties"], false,
            "a part of a body that allows nothing beside itself"
        );
        let own = part["properties"].as_object().into_iter().flatten();
        names.extend(own.map(|(name, _)| name.clone()));
    }
    names
}

#[test]
fn a_body_that_the_server_takes_is_as_the_description_has_it() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let document = serve.site().get("/openapi.json").json();
    let alice = serve.let_in("alice", &[]);
    let request = Keys::new().request("ssh/web:deploy");
    let known = fields(&document, "ElevationRequest");
    for name in request.as_object().unwrap().keys() {
        assert!(known.contains(name), "{name} is not described: {known:?}");
    }
    let answer = alice.post("/v1/elevations", &request);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let known = fields(&document, "ElevationView");
    for name in answer.json().as_object().unwrap().keys() {
        assert!(known.contains(name), "{name} is not described: {known:?}");
    }
}

#[test]
fn what_happens_is_counted_without_names() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    assert_eq!(alice.ask("ssh/web:deploy", &Keys::new()).status, 200);
    assert_eq!(alice.ask("ssh/web:ops", &Keys::new()).status, 403);
    serve.site().get("/v1/elevations/made-up-by-somebody");
    serve.site().get("/made-up-by-somebody");
    let answer = serve.site().get("/metrics");
    let kind = answer.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.text();
    for line in [
        "jit_http_requests_total{method=\"POST\",route=\"/v1/elevations\",status=\"200\"} 1",
        "jit_http_requests_total{method=\"POST\",route=\"/v1/elevations\",status=\"403\"} 1",
        "jit_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
        "jit_elevations_total{verdict=\"granted\"} 1",
        "jit_elevations_total{verdict=\"denied\"} 1",
        "jit_http_request_duration_seconds_count{route=\"/v1/elevations\"} 2",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(
        !text.contains("alice") && !text.contains("made-up"),
        "{text}"
    );
}
