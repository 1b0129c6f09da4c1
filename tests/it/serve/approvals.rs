//! What waits for people: asked for, seen, approved and denied, from the command line and over HTTP.

use std::time::Duration;

use rustix::process::Signal;

use super::member::{Member, POLICIES};
use crate::support::{Postgres, Serve, pty::Pty, serve::Keys, until, web::CATALOGUE};

/// The id of the one request that waits for somebody.
fn waiting(approver: &Member) -> String {
    until("a request that waits", || {
        let listed = approver.works(&["approvals"]);
        let id = listed.split_whitespace().next()?.to_owned();
        (id.len() == 26).then_some(id)
    })
}

#[test]
fn a_colleague_approves_and_the_command_that_waits_at_a_terminal_goes_on() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &["approvers"]);
    let bob = Member::of(&serve, "bob", &["approvers"]);
    let hook = alice.jit(&["request", "ssh/web:root", "-j", "a fire", "--no-wait"]);
    assert_eq!(hook.code, 122, "{hook:?}");
    assert!(hook.stderr.contains("hint: "), "{hook:?}");
    assert_eq!(alice.works(&["approvals"]), "Nothing waits for you.\n");
    let id = waiting(&bob);
    let own = alice.jit(&["approve", &id]);
    assert_eq!(own.code, 121, "{own:?}");
    let jit = crate::support::whereabouts::jit();
    let line = format!("{} request ssh/web:root -j 'a fire'", jit.display());
    let terminal = Pty::run(&alice.home, &line);
    terminal.wait_for("waits for approval, 0 of 1");
    let said = bob.works(&["approve", &id, "-j", "seen the smoke"]);
    assert_eq!(said, "alice has ssh/web:root now\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains(&id), "{shown}");
    // What was decided is no error of the server.
    for again in [["approve", &id, "-j", "so"], ["deny", &id, "-j", "so"]] {
        let ran = bob.jit(&again);
        assert_eq!(ran.code, 121, "{ran:?}");
        assert!(ran.stderr.contains("is granted"), "{ran:?}");
    }
    assert!(alice.works(&["status"]).contains("ssh/web:root"));
}

#[test]
fn status_shows_what_waits_since_when_and_who_may_approve_it() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &["approvers"]);
    let _bob = Member::of(&serve, "bob", &["approvers"]);
    let carol = Member::of(&serve, "carol", &[]);
    let hook = alice.jit(&["request", "ssh/web:root", "-j", "a fire", "--no-wait"]);
    assert_eq!(hook.code, 122, "{hook:?}");
    let shown = alice.works(&["status"]);
    let said = alice.works(&["status", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let id = said["pending"].as_str().unwrap();
    assert_eq!(said["entitlement"], "ssh/web:root");
    assert_eq!(said["approvers"], serde_json::json!(["bob"]), "{said}");
    assert!(said["asked_at"].is_string(), "{said}");
    assert!(
        hook.stderr.contains(&format!("jit approve {id}")),
        "{hook:?}"
    );
    for part in [
        "ssh/web:root  waits for approval, 0 of 1, since ",
        &format!("bob can run: jit approve {id}; then you: jit request ssh/web:root"),
        &format!("jit revoke {id}"),
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // It is nobody else's to see.
    assert!(carol.works(&["status"]).starts_with("You hold nothing"));
    // What is held is shown while the server is away, too.
    alice.works(&["request", "ssh/web:deploy"]);
    serve.stop(Signal::KILL);
    let away = alice.jit(&["status"]);
    assert_eq!(away.code, 0, "{away:?}");
    assert!(away.stdout.starts_with("ssh/web:deploy"), "{away:?}");
    assert!(away.stderr.contains("is not known: the server"), "{away:?}");
}

#[test]
fn whoever_was_asked_for_a_reason_waits_for_people_too() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &[]);
    let bob = Member::of(&serve, "bob", &["approvers"]);
    let jit = crate::support::whereabouts::jit();
    let line = format!("{} request ssh/web:root", jit.display());
    let mut terminal = Pty::run(&alice.home, &line);
    terminal.wait_for("Why?");
    terminal.type_in("a fire\n");
    terminal.wait_for("waits for approval");
    let id = waiting(&bob);
    bob.works(&["approve", &id]);
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn whoever_waits_gives_up_with_ctrl_c_or_is_told_no() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &[]);
    let bob = Member::of(&serve, "bob", &["approvers"]);
    let jit = crate::support::whereabouts::jit();
    let line = format!("{} request ssh/web:root -j 'a fire'", jit.display());
    let mut terminal = Pty::run(&alice.home, &line);
    terminal.wait_for("waits for approval");
    terminal.type_in("\u{3}");
    // The shell between them is ended by Ctrl-C, too.
    let (_, shown) = terminal.end();
    assert!(shown.contains("given up"), "{shown}");
    assert_eq!(bob.works(&["approvals"]), "Nothing waits for you.\n");
    let terminal = Pty::run(&alice.home, &line);
    terminal.wait_for("waits for approval");
    let id = waiting(&bob);
    bob.works(&["deny", &id, "-j", "not today"]);
    let (code, shown) = terminal.end();
    assert_eq!(code, 121, "{shown}");
    assert!(shown.contains("ssh/web:root is denied"), "{shown}");
}

#[test]
fn a_long_poll_hears_through_another_replica_and_ends_with_its_server() {
    let Some(postgres) = Postgres::start(crate::support::Access::default()) else {
        return;
    };
    let url = postgres.owner_url();
    let mut here = Serve::start_on(&url, CATALOGUE, POLICIES);
    let alice = here.let_in("alice", &[]);
    let bob = here.let_in("bob", &["approvers"]);
    let (keys, mut asked) = (Keys::new(), Keys::new().request("ssh/web:root"));
    asked["justification"] = "a fire".into();
    let pending = alice.post("/v1/elevations", &asked);
    assert_eq!(pending.status, 202, "{}", pending.text());
    let id = pending.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/elevations/{id}");
    assert_eq!(
        alice.get(&format!("{path}?wait=1")).json()["state"],
        "pending"
    );
    std::thread::scope(|scope| {
        let polled = scope.spawn(|| alice.get(&format!("{path}?wait=30")).json());
        std::thread::sleep(Duration::from_millis(300));
        let said = bob.post(
            &format!("{path}/approval"),
            &serde_json::json!({"answer": "approve"}),
        );
        assert_eq!(said.status, 200, "{}", said.text());
        assert_eq!(polled.join().unwrap()["state"], "granted");
    });
    // The first claim, without a token; and with the same keys once more, where its answer was lost.
    let claim = serde_json::json!({
        "holder": keys.holder.public(), "key": keys.key.public(), "host": "laptop",
    });
    for _ in 0..2 {
        let claimed = alice.post(&format!("{path}/credential"), &claim);
        assert_eq!(claimed.status, 200, "{}", claimed.text());
        assert!(claimed.json()["token"].is_string());
    }
    for stranger in [&bob, &here.let_in("mallory", &[])] {
        let refused = stranger.post(&format!("{path}/credential"), &claim);
        assert!(
            [400, 403, 404].contains(&refused.status),
            "{}",
            refused.text()
        );
    }
    here.stop(Signal::TERM);
}

#[test]
fn whoever_watches_the_server_is_told_of_a_broken_glass() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &["on-call"]);
    alice.works(&["request", "ssh/web:root", "--break-glass", "-j", "a fire"]);
    let log = serve.log();
    let line = log
        .lines()
        .find(|line| line.contains("\"alert\":\"break-glass\""));
    let alert: serde_json::Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(alert["event"]["principal"]["name"], "alice");
    assert_eq!(alert["event"]["justification"], "a fire");
}
