//! What whoever asked is told of requests and grants: approved, denied, withdrawn, forgotten, explained again.

use insta::assert_snapshot;
use serde_json::Value;

use super::member::{Member, POLICIES};
use crate::support::{Serve, home::run, until, web::CATALOGUE};

/// One entitlement needs two people.
const TWO: &str = r#"
@id("two") @approvals("2")
permit (principal, action == Action::"request", resource == Entitlement::"ssh/web:ops");
"#;

fn served() -> (Serve, Member, Member) {
    let serve = Serve::start(CATALOGUE, &format!("{POLICIES}{TWO}"));
    let alice = Member::of(&serve, "alice", &[]);
    let bob = Member::of(&serve, "bob", &["approvers"]);
    (serve, alice, bob)
}

/// The id of the one request that waits for somebody.
fn waiting(approver: &Member) -> String {
    until("a request that waits", || {
        let listed = approver.works(&["approvals"]);
        let id = listed.split_whitespace().next()?.to_owned();
        (id.len() == 26).then_some(id)
    })
}

fn ask(member: &Member, why: &str) {
    let ran = member.jit(&["request", "ssh/web:root", "-j", why, "--no-wait"]);
    assert_eq!(ran.code, 122, "{ran:?}");
}

fn events(admin: &Member, id: &str) -> Vec<Value> {
    let listed = admin.works(&["audit", "--json", "--grant", id]);
    let lines = listed.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_approved_grant_that_waits_to_be_used_is_shown_with_the_command_that_uses_it() {
    let (_serve, alice, bob) = served();
    ask(&alice, "a fire");
    let id = waiting(&bob);
    bob.works(&["approve", &id]);
    let shown = alice.works(&["status"]);
    assert!(
        shown.contains(&format!("{id}  approved by bob and waits to be used")),
        "{shown}"
    );
    assert!(shown.contains("run jit request ssh/web:root"), "{shown}");
    let json: Value = serde_json::from_str(&alice.works(&["status", "--json"])).unwrap();
    assert_eq!(json["granted"].as_str(), Some(&*id));
    assert_eq!(json["unclaimed"], true);
    let used: Value =
        serde_json::from_str(&alice.works(&["request", "ssh/web:root", "--json"])).unwrap();
    assert_eq!(used["grant"].as_str(), Some(&*id));
}

#[test]
fn a_refusal_at_a_server_names_no_policies_of_this_machine() {
    let (_serve, alice, _bob) = served();
    let refused = alice.jit(&["request", "ssh/web:deploy", "--break-glass", "-j", "a fire"]);
    assert_eq!(refused.code, 121, "{refused:?}");
    assert!(refused.stderr.contains("\"jit list\" shows"), "{refused:?}");
    let explained = alice.jit(&["policy", "explain", "ssh/web:deploy"]);
    assert!(
        explained
            .stderr
            .contains("the policies in the directory that \"jit serve --config DIR\" names"),
        "{explained:?}"
    );
}

#[test]
fn a_live_grant_is_shown_after_its_lease_was_forgotten() {
    let (_serve, alice, _bob) = served();
    alice.works(&["request", "ssh/web:deploy"]);
    alice.works(&["forget", "--all"]);
    let shown = alice.works(&["status"]);
    assert!(
        shown.contains("granted, without a lease on this machine"),
        "{shown}"
    );
    let id = shown.split_whitespace().find(|word| word.len() == 26);
    alice.works(&["revoke", id.unwrap()]);
    assert!(alice.works(&["status"]).starts_with("You hold nothing"));
    // The authority on one's own machine knows as much.
    let home = crate::support::web::web();
    let jit = |words: &[&str]| run(&mut home.jit(words.iter().copied())).stdout;
    jit(&["request", "ssh/web:deploy"]);
    jit(&["forget", "--all"]);
    let shown = jit(&["status"]);
    assert!(
        shown.contains("granted, without a lease on this machine"),
        "{shown}"
    );
}

#[test]
fn a_denial_reaches_whoever_asked_with_its_reason() {
    let (_serve, alice, bob) = served();
    let mut command = alice.home.jit([
        "exec", "-j", "a fire", "--wait", "1m", "--on", "ssh/web", "--role", "root", "--", "true",
    ]);
    let child = command
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let id = waiting(&bob);
    bob.works(&["deny", &id, "-j", "not today"]);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(121), "{said}");
    // Without a terminal it is said what is waited for, and by which id.
    assert!(
        said.contains(&format!(
            "jit: ssh/web:root waits for approval, 0 of 1, for 1m at most; somebody who may approve it runs: jit approve {id}"
        )),
        "{said}"
    );
    assert!(
        said.contains("ssh/web:root is denied by bob: not today"),
        "{said}"
    );
    let shown = alice.works(&["status"]);
    assert!(shown.starts_with("You hold nothing"), "{shown}");
    assert!(
        shown.contains(&format!("ssh/web:root  is denied by bob: not today  {id}")),
        "{shown}"
    );
}

#[test]
fn what_was_withdrawn_is_called_so() {
    let (_serve, alice, bob) = served();
    ask(&alice, "a fire");
    let id = waiting(&bob);
    let said = alice.works(&["revoke", &id]);
    assert_eq!(
        said,
        format!("withdrew {id}: it is not asked for any more\n")
    );
}

#[test]
fn revoke_all_withdraws_what_waits_for_people_too() {
    let (_serve, alice, bob) = served();
    ask(&alice, "a fire");
    alice.works(&["request", "ssh/web:deploy"]);
    let said = alice.works(&["revoke", "--all"]);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("withdrew "), "{said}");
    assert!(said.contains("revoked "), "{said}");
    assert_eq!(bob.works(&["approvals"]), "Nothing waits for you.\n");
    assert_eq!(alice.works(&["revoke", "--all"]), "nothing to revoke\n");
}

#[test]
fn the_event_of_a_grant_names_all_who_approved_it() {
    let (serve, alice, bob) = served();
    let carol = Member::of(&serve, "carol", &["approvers"]);
    let admin = Member::of(&serve, "root", &["administrators"]);
    let ran = alice.jit(&["request", "ssh/web:ops", "-j", "a fire", "--no-wait"]);
    assert_eq!(ran.code, 122, "{ran:?}");
    let id = waiting(&bob);
    bob.works(&["approve", &id]);
    carol.works(&["approve", &id]);
    let granted = events(&admin, &id);
    let granted = granted.iter().find(|event| event["kind"] == "granted");
    let names: Vec<_> = granted.unwrap()["approvers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["bob", "carol"]);
    let listed = admin.works(&["audit", "--grant", &id, "--kind", "granted"]);
    assert!(listed.contains("  approved-by=bob,carol"), "{listed}");
    assert!(
        admin
            .works(&["audit", "verify"])
            .starts_with("the ledger is whole")
    );
}

#[test]
fn a_reason_that_comes_with_a_repeated_request_is_recorded_and_shown() {
    let (serve, alice, bob) = served();
    let admin = Member::of(&serve, "root", &["administrators"]);
    ask(&alice, "a fire");
    for why in ["INC-7", "INC-7", "x; y", "x; y"] {
        ask(&alice, why);
    }
    let id = waiting(&bob);
    let listed = bob.works(&["approvals"]);
    assert!(listed.contains("\"a fire; INC-7; x; y\""), "{listed}");
    bob.works(&["approve", &id]);
    // One that comes with the first use of what was approved, and one with a later use of the lease.
    alice.works(&["request", "ssh/web:root", "-j", "INC-8"]);
    alice.works(&["request", "ssh/web:root", "-j", "INC-9"]);
    alice.works(&["request", "ssh/web:root", "-j", "INC-9"]);
    let reasons: Vec<_> = events(&admin, &id)
        .into_iter()
        .filter(|event| event["kind"] == "justified")
        .map(|event| event["justification"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(reasons, ["INC-7", "x; y", "INC-8", "INC-9"]);
}

#[test]
fn a_ttl_that_is_shortened_or_has_no_effect_is_said_once() {
    let (_serve, alice, _bob) = served();
    let request = |ttl: &str| {
        alice
            .jit(&["request", "ssh/web:deploy", "--ttl", ttl])
            .stderr
    };
    assert_eq!(
        request("8h"),
        "jit: ssh/web:deploy is granted for 1h, not for 8h: policy allows no more\n"
    );
    assert_eq!(request("8h"), "", "the same command says nothing");
    let ignored = request("5m");
    assert!(
        ignored.starts_with("jit: --ttl 5m has no effect: ssh/web:deploy is held already, "),
        "{ignored}"
    );
    alice.works(&["revoke", "--all"]);
    assert_eq!(request("5m"), "");
}

/// What is printed, with `ID` for each id, `WHEN` for each instant and `N` for each other number.
fn printed(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_matches(|sign: char| !sign.is_ascii_alphanumeric());
        if bare.len() == 26 && bare.chars().all(|sign| sign.is_ascii_alphanumeric()) {
            return word.replace(bare, "ID");
        }
        if bare.starts_with("20") && bare.contains('T') {
            return word.replace(bare, "WHEN");
        }
        let mut shown = String::new();
        for sign in word.chars() {
            let sign = if sign.is_ascii_digit() { 'N' } else { sign };
            if sign != 'N' || !shown.ends_with('N') {
                shown.push(sign);
            }
        }
        shown
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn status_shows_what_is_held_approved_awaited_and_denied() {
    let (_serve, alice, bob) = served();
    ask(&alice, "a fire");
    bob.works(&["deny", &waiting(&bob), "-j", "not today"]);
    ask(&alice, "INC-7");
    bob.works(&["approve", &waiting(&bob)]);
    alice.works(&["request", "ssh/web:deploy"]);
    let ran = alice.jit(&["request", "ssh/web:ops", "-j", "a fire", "--no-wait"]);
    assert_eq!(ran.code, 122, "{ran:?}");
    assert_snapshot!(printed(&alice.works(&["status"])), @"
    ssh/web:deploy      Nm left  ID  by routine in N ms (asked for by name)
    ssh/web:root      Nm left  ID  approved by bob and waits to be used
      to use it, run jit request ssh/web:root, or the command again; to end it: jit revoke ID
    ssh/web:ops  waits for approval, N of N, since Ns  ID
      bob can run: jit approve ID; then you: jit request ssh/web:ops; to give it up: jit revoke ID
    ssh/web:root  is denied by bob: not today  ID
    ");
}

#[test]
fn disabling_somebody_says_what_outlives_and_until_when() {
    let (serve, alice, _bob) = served();
    let root = Member::of(&serve, "root", &["administrators"]);
    alice.works(&["request", "ssh/web:deploy"]);
    let said = root.works(&["principals", "disable", "alice", "-j", "has left"]);
    assert_snapshot!(printed(&said), @"
    alice may not come any more; sessions, grants and requests have ended, and the targets that can be told are being told
      ssh/web:deploy: the newest credential works until WHEN (Nm left), since its target cannot be told
      a session that is open at a target goes on until it ends
    ");
    let again = root.works(&["principals", "disable", "alice", "-j", "has left"]);
    assert_eq!(printed(&again), printed(&said), "it works still");
    let bob = root.works(&["principals", "disable", "bob", "-j", "has left"]);
    assert_snapshot!(printed(&bob), @"
    bob may not come any more; sessions, grants and requests have ended, and the targets that can be told are being told
      no credential works any more at a target that cannot be told
      a session that is open at a target goes on until it ends
    ");
}

#[test]
fn an_agents_session_that_is_shorter_than_asked_for_is_said() {
    let (_serve, alice, _bob) = served();
    let delegate = |ttl: &[&str]| {
        let to = ["delegate", "--to", "helper", "--only", "ssh/web:deploy"];
        alice.jit(&[&to[..], ttl, &["--", "true"]].concat())
    };
    let ran = delegate(&["--ttl", "12h"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_snapshot!(printed(&ran.stderr), @"jit: the agent's session ends in Nm, not in Nh: yours, or the server, allows no more");
    assert_eq!(delegate(&[]).stderr, "");
}
