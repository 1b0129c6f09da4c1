//! What an operator watches: the metrics themselves, and that the alerts and the dashboard in `examples/` name no other.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use serde::Deserialize;
use serde_json::Value;

use super::{budgets::made_up, member::POLICIES};
use crate::support::{Serve, serve::Keys, web::CATALOGUE};

/// The value of a metric, by its name and labels.
fn value<'a>(metrics: &'a str, metric: &str) -> &'a str {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("there is no {metric} in\n{metrics}"))
}

/// The same as a number.
fn number(metrics: &str, metric: &str) -> f64 {
    value(metrics, metric).parse().unwrap()
}

/// A server at which everything has happened once that is counted; its metrics.
fn eventful() -> String {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let (alice, olga) = (
        serve.let_in("alice", &[]),
        serve.let_in("olga", &["on-call"]),
    );
    assert_eq!(alice.ask("ssh/web:deploy", &Keys::new()).status, 200);
    let mut waits = Keys::new().request("ssh/web:root");
    waits["justification"] = "a fire".into();
    assert_eq!(alice.post("/v1/elevations", &waits).status, 202);
    let mut breaks = Keys::new().request("ssh/web:root");
    breaks["justification"] = "a fire".into();
    breaks["break_glass"] = true.into();
    assert_eq!(olga.post("/v1/elevations", &breaks).status, 200);
    assert_eq!(alice.ask("ssh/nowhere:deploy", &Keys::new()).status, 404);
    assert_eq!(made_up(&serve, "http://127.0.0.1:1").status, 400);
    let mut plain = TcpStream::connect(&serve.address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    plain.read_to_end(&mut Vec::new()).unwrap();
    serve.site().get("/metrics").text()
}

#[test]
fn an_operator_sees_what_is_live_what_waits_what_is_owed_and_what_was_refused() {
    let metrics = eventful();
    assert_eq!(value(&metrics, "jit_grants_live"), "2");
    assert_eq!(value(&metrics, "jit_requests_pending"), "1");
    assert!(number(&metrics, "jit_request_oldest_age_seconds") >= 0.0);
    assert_eq!(value(&metrics, "jit_revocations_owed"), "0");
    assert_eq!(value(&metrics, "jit_break_glass_total"), "1");
    assert!(number(&metrics, "jit_ledger_events_total") >= 5.0);
    assert_eq!(value(&metrics, "jit_ledger_append_failures_total"), "0");
    assert!(number(&metrics, "jit_ledger_append_duration_seconds_count") >= 3.0);
    let absent = "jit_refusals_total{cause=\"not-found\",status=\"404\"}";
    assert_eq!(value(&metrics, absent), "1");
    let plain = "jit_connections_refused_total{reason=\"plain_http\"}";
    assert_eq!(value(&metrics, plain), "1");
    let digest = metrics
        .lines()
        .find(|line| line.starts_with("jit_policies_info{digest="));
    let digest = digest.and_then(|line| line.split('"').nth(1)).unwrap();
    assert!(
        digest.len() == 64 && digest.bytes().all(|c| c.is_ascii_hexdigit()),
        "{digest}"
    );
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(rename = "for")]
    _after: Option<String>,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    severity: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotations {
    summary: String,
    #[serde(rename = "description")]
    _description: Option<String>,
}

fn example(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join("examples").join(name)).unwrap()
}

/// The metrics that an expression names.
fn named(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("jit_"));
    ours.map(str::to_owned).collect()
}

/// The expressions anywhere in a dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str().filter(|_| key == "expr") {
                    Some(expression) => found.push(expression.to_owned()),
                    None => expressions(value, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| expressions(one, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_example_alerts_and_dashboard_name_metrics_that_there_are() {
    let metrics = eventful();
    let rules: Rules = serde_saphyr::from_str(&example("prometheus-alerts.yml")).unwrap();
    let dashboard: Value = serde_json::from_str(&example("grafana-dashboard.json")).unwrap();
    let mut all = Vec::new();
    for group in &rules.groups {
        assert_eq!(group.name, "jit");
        for rule in &group.rules {
            assert!(rule.alert.starts_with("Jit"), "{}", rule.alert);
            assert!(["page", "ticket"].contains(&&*rule.labels.severity));
            assert!(!rule.annotations.summary.is_empty());
            all.push(rule.expr.clone());
        }
    }
    assert!(all.len() >= 6);
    let alerts = all.len();
    expressions(&dashboard, &mut all);
    assert!(all.len() >= alerts + 10, "the dashboard has too few panels");
    for expression in &all {
        let names = named(expression);
        assert!(!names.is_empty(), "{expression}");
        for name in names {
            let is_there = |line: &str| {
                let rest = line.strip_prefix(&*name);
                rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            };
            assert!(
                metrics.lines().any(is_there),
                "there is no {name}: {expression}"
            );
        }
    }
}
