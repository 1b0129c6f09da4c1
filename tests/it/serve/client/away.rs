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
    pty::Pty,
    until,
    web::CATALOGUE,
};

const ID: &str = "01aaaaaaaaaaaaaaaaaaaaaaaa";

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
fn whoever_waits_for_people_asks_a_busy_server_again_later() {
    let view = |state: &str| {
        json!({
            "id": ID, "state": state, "principal": "alice", "entitlement": "ssh/web:deploy",
            "asked_at": "2026-01-01T00:00:00Z", "approvals": 1,
        })
    };
    let watched = AtomicUsize::new(0);
    let fake = Fake::start(move |asked| {
        if asked.line.starts_with("GET /v1/resources") {
            return catalogue();
        }
        if asked.line.starts_with("POST /v1/elevations") {
            return json(&view("pending"));
        }
        if !asked.line.contains(ID) {
            return json(&json!({"elevations": [view("pending")]}));
        }
        match watched.fetch_add(1, Ordering::SeqCst) {
            0 => answer(
                "429 Too Many Requests",
                "text/plain",
                "retry-after: 3600\r\n",
                "",
            ),
            _ => json(&view("denied")),
        }
    });
    let home = believer(&fake.url);
    let ran = run(&mut home.jit(["request", "ssh/web:deploy", "--wait", "1m"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("ssh/web:deploy is denied"), "{ran:?}");
}

#[test]
fn a_former_session_that_cannot_be_ended_locks_nobody_out() {
    let fake = Fake::start(|asked| match asked.line.split('?').next().unwrap() {
        "POST /v1/token" => json(&json!({
            "access_token": "the.new.one", "issued_token_type": "", "token_type": "DPoP",
            "expires_in": 3600,
        })),
        "GET /v1/session" => json(&json!({
            "principal": "workload/ci", "groups": [], "attributes": {}, "source": "https://ci",
            "expires_at": "2100-01-01T00:00:00Z",
        })),
        // Nobody hears what comes of it.
        _ => Vec::new(),
    });
    let home = believer(&fake.url);
    let token = home.write("token", "a.b.c");
    let mut login = home.jit(["--verbose", "login", "--as", "token-file"]);
    let ran = run(login.env("JIT_ID_TOKEN_FILE", token));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr.contains("the former session was not ended"),
        "{ran:?}"
    );
    let ended = fake.asked("DELETE /v1/session");
    assert!(!ended.is_empty());
    let former = ended[0].header("authorization");
    assert_eq!(former, Some("DPoP a.token.of.nobody"));
    let ran = run(&mut home.jit(["whoami"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let asked = fake.asked("GET /v1/session");
    let shown = asked.last().unwrap().header("authorization");
    assert_eq!(shown, Some("DPoP the.new.one"));
}

/// One whose database is away.
fn without_its_database() -> Fake {
    Fake::start(|asked| {
        if asked.line.starts_with("GET /v1/resources") {
            return catalogue();
        }
        answer(
            "503 Service Unavailable",
            "text/plain",
            "retry-after: 1\r\n",
            "",
        )
    })
}

#[test]
fn whoever_watches_is_told_what_is_waited_for_and_ctrl_c_ends_it() {
    let fake = without_its_database();
    let home = believer(&fake.url);
    let jit = crate::support::whereabouts::jit();
    let line = format!("{} request ssh/web:deploy", jit.display());
    let mut terminal = Pty::run(&home, &line);
    let told = format!(
        "the server {} is away (503 Service Unavailable); waiting",
        fake.url
    );
    terminal.wait_for(&told);
    until("several attempts", || {
        (fake.asked("POST /v1/elevations").len() > 3).then_some(())
    });
    terminal.type_in("\u{3}");
    let (code, shown) = terminal.end();
    assert_ne!(code, 0, "{shown}");
    assert_eq!(shown.matches(&told).count(), 1, "{shown}");
    assert!(!shown.contains("hint:"), "it did not go on: {shown}");
}

#[test]
fn a_command_without_a_terminal_says_once_what_it_waits_for() {
    let fake = without_its_database();
    let home = believer(&fake.url);
    let log = home.path("said");
    let mut child = home
        .jit(["request", "ssh/web:deploy"])
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let said = until("a word on what is waited for", || {
        let said = std::fs::read_to_string(&log).unwrap();
        said.contains("is away (503").then_some(said)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_hook_waits_for_a_server_without_a_word_and_not_for_ever() {
    let fake = without_its_database();
    let home = believer(&fake.url);
    let mut hook = home.jit(["credential-process", "aws/prod:read"]);
    let begun = std::time::Instant::now();
    let ran = run(&mut hook);
    assert_eq!(ran.code, 124, "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    // AWS's SDK for Go kills it after a minute.
    assert!(begun.elapsed() < Duration::from_secs(50), "{ran:?}");
    let log = home.path("said");
    let mut child = home
        .jit(["--verbose", "credential-process", "aws/prod:read"])
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    until("a word to whoever asked for more", || {
        let said = std::fs::read_to_string(&log).unwrap();
        said.contains("is away (503").then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
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
