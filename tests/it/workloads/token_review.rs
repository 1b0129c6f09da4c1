//! How often a cluster is asked whose a token is that somebody made up.

use std::{sync::Mutex, thread};

use jit::platform::keys;
use serde_json::{Value, json};

use crate::{
    people::stolen::exchange_as,
    support::{
        Home, Kube, Serve,
        http::Answer,
        jwt::{Algorithm, Key},
        kubernetes::ADMIN_TOKEN,
        web::{CATALOGUE, POLICIES},
    },
};

#[test]
fn a_cluster_reviews_made_up_tokens_a_few_times_only_and_so_many_at_once() {
    let Some(kube) = Kube::start(&[]) else { return };
    for (most, at_least) in [(6, 1), (100, 20)] {
        let serve = reviewing(&kube, most);
        let before = reviews(&kube).len();
        let statuses = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for number in 0..40 {
                let (serve, statuses) = (&serve, &statuses);
                scope.spawn(move || {
                    let status = made_up_pod(serve, number).status;
                    statuses.lock().unwrap().push(status);
                });
            }
        });
        let all = reviews(&kube);
        let asked = &all[before..];
        let most = usize::try_from(most).unwrap();
        assert!(
            (at_least..=most * 2).contains(&asked.len()),
            "{} of {most}",
            asked.len()
        );
        assert!(at_once(asked) <= 16, "{} at once", at_once(asked));
        let statuses = statuses.into_inner().unwrap();
        assert!(
            statuses
                .iter()
                .all(|status| [400, 429, 503].contains(status)),
            "{statuses:?}"
        );
    }
}

/// The events of the cluster's audit log about reviews of tokens.
fn reviews(kube: &Kube) -> Vec<Value> {
    kube.audit_log()
        .into_iter()
        .filter(|event| event["objectRef"]["resource"] == "tokenreviews")
        .collect()
}

/// How many of these were under way when one of them began.
fn at_once(events: &[Value]) -> usize {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    let spans: Vec<(String, String)> = events
        .iter()
        .map(|event| {
            (
                text(event, "requestReceivedTimestamp"),
                text(event, "stageTimestamp"),
            )
        })
        .collect();
    let under_way = |at: &String| {
        let mut spans = spans.iter();
        spans
            .by_ref()
            .filter(|(begin, end)| begin <= at && at < end)
            .count()
    };
    spans
        .iter()
        .map(|(begin, _)| under_way(begin))
        .max()
        .unwrap_or_default()
}

/// A server that asks the cluster about pods, of which so many sign-ins may fail.
fn reviewing(kube: &Kube, failures: u32) -> Serve {
    let home = Home::new();
    home.write("server/cluster.token", ADMIN_TOKEN);
    let catalogue = format!(
        "{CATALOGUE}[resources.\"kubernetes/prod\"]\nserver = \"{}\"\ncertificate_authority = \"{}\"\n\
         issuer = \"token-request\"\ncredential = \"file:cluster.token\"\n\
         roles.view = {{ service_account = \"jit/view\" }}\n",
        kube.url(),
        kube.ca().display()
    );
    let more = format!(
        "[[workloads]]\nname = 'pods'\nkind = 'kubernetes'\ntoken_review = 'kubernetes/prod'\naudience = 'jit'\n\
         principal = 'k8s-{{service_account_uid}}'\nmatch = {{ namespace = 'ci' }}\n\
         [limits]\nfailed_sign_ins_per_address = {failures}\n"
    );
    Serve::start_in(home, &catalogue, POLICIES, &more)
}

/// A sign-in by a pod's token that somebody made up.
fn made_up_pod(serve: &Serve, number: u32) -> Answer {
    let said = json!({
        "iss": "https://kubernetes.default.svc", "aud": "jit", "sub": "system:serviceaccount:ci:build",
        "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "build", "uid": number.to_string() } },
    });
    let token = Key::new(Algorithm::EdDsa).sign(&said);
    let holder = keys::generate().unwrap();
    exchange_as(serve, "jwt", &token, &holder)
}
