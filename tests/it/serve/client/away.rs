//! A server that is away, comes back, or has no time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::json;

use super::{Desk, believer};
use crate::support::{
    fake::{Fake, answer, json, problem},
    held::change_at,
    home::run,
    web::CATALOGUE,
};

fn catalogue() -> Vec<u8> {
    json(&json!({"resources": {
        "ssh/web": {"kind": "ssh", "hosts": ["web"], "roles": {"deploy": {}}},
        "aws/prod": {"kind": "aws", "account": "123456789012",
            "roles": {"read": {"behind": "arn:aws:iam::123456789012:role/read"}}},
    }}))
}

#[test]
fn what_may_pass_is_tried_again_as_the_same_request() {
    let tries = AtomicUsize::new(0);
    let fake = Fake::start(move |asked| {
        if asked.line.starts_with("GET /v1/resources") {
            return catalogue();
        }
        match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Vec::new(),
            1 => answer("503 Service Unavailable", "text/html", "", "<h1>no"),
            2 => answer(
                "429 Too Many Requests",
                "text/plain",
                "retry-after: 0\r\n",
                "",
            ),
            _ => problem("403 Forbidden", "denied", "no"),
        }
    });
    let home = believer(&fake.url);
    let ran = run(&mut home.jit(["request", "ssh/web:deploy"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    let asked = fake.asked("POST /v1/elevations");
    assert_eq!(asked.len(), 4);
    let keys: Vec<_> = asked
        .iter()
        .map(|one| one.header("idempotency-key"))
        .collect();
    assert!(keys[0].is_some_and(|key| key.len() == 32), "{keys:?}");
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let proofs: Vec<_> = asked
        .iter()
        .map(|one| one.header("dpop").unwrap())
        .collect();
    assert_ne!(proofs[0], proofs[1], "a proof is shown once");
    assert_eq!(asked[0].json(), asked[3].json());
}

#[test]
fn a_server_that_will_not_have_time_soon_is_not_waited_for() {
    let fake = Fake::start(|asked| {
        if asked.line.starts_with("GET /v1/resources") {
            return catalogue();
        }
        answer(
            "429 Too Many Requests",
            "text/plain",
            "retry-after: 3600\r\n",
            "",
        )
    });
    let home = believer(&fake.url);
    let ran = run(&mut home.jit(["credential-process", "aws/prod:read"]));
    assert_eq!(ran.code, 124, "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert_eq!(fake.asked("POST").len(), 1);
}

#[test]
fn a_renewal_that_finds_nobody_uses_what_is_held() {
    let mut desk = Desk::new(CATALOGUE);
    desk.works(&["request", "ssh/web:deploy"]);
    desk.serve.stop(rustix::process::Signal::KILL);
    let session = super::session(&desk.home);
    // It is to be renewed, and works for a while yet.
    change_at(&session.places, "ssh/web:deploy", |lease| {
        lease.issued_at = lease.issued_at.before(Duration::from_secs(590));
        lease.credential.expires_at = lease.credential.expires_at.before(Duration::from_secs(580));
    });
    let ran = desk.jit(&["--verbose", "request", "ssh/web:deploy"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("not renewed, used as it is"), "{ran:?}");
}
