//! `jit list`: what one could have and what it takes, on this machine and at a server.

use serde_json::Value;

use super::member::{DELEGATE, Member};
use crate::support::{
    Serve,
    home::run,
    web::{CATALOGUE, web},
};

/// What each tier takes, and who may skip approval.
const POLICIES: &str = r#"
@id("routine") @ttl("2h")
permit (principal, action == Action::"elevate", resource in Tier::"routine");
@id("elevated") @justification("required")
permit (principal, action == Action::"elevate", resource in Tier::"elevated");
@id("sensitive") @justification("required") @approvals("2")
permit (principal in Group::"staff", action == Action::"request", resource in Tier::"sensitive");
@id("on-call")
permit (principal in Group::"on-call", action == Action::"break_glass", resource);
@id("delegate")
permit (principal, action == Action::"delegate", resource in Tier::"routine");
"#;

#[test]
fn what_one_could_have_is_listed_with_what_it_takes() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let staff = Member::of(&serve, "alice", &["staff"]);
    assert_eq!(
        staff.works(&["list"]),
        "ssh/web:deploy  routine    up to 2h    granted at once\n\
         ssh/web:ops     elevated   up to 1h    granted at once, with -j WHY\n\
         ssh/web:root    sensitive  up to 1h    2 people approve, with -j WHY\n"
    );
    let on_call = Member::of(&serve, "bob", &["on-call"]);
    let shown = on_call.works(&["list"]);
    assert!(
        shown.contains(
            "ssh/web:root    sensitive  up to 1h    in an emergency, with --break-glass\n"
        ),
        "{shown}"
    );
    let other = Member::of(&serve, "carol", &[]);
    assert!(!other.works(&["list"]).contains("root"));
    let json = staff.works(&["list", "--json"]);
    let last: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(last["entitlement"], "ssh/web:root");
    assert_eq!(last["decided_by"], "people");
    assert_eq!(
        (&last["approvals"], &last["ttl"]),
        (&2.into(), &3600.into())
    );
    assert_eq!(staff.works(&["list", "--json", "--kind", "aws"]), "");
    // An agent is shown what was handed on to it, and no more.
    let jit = crate::support::whereabouts::jit();
    let handed = staff.works(&[&DELEGATE[..], &[jit.to_str().unwrap(), "list"]].concat());
    let handed: Vec<&str> = handed.lines().collect();
    assert_eq!(handed.len(), 1, "{handed:?}");
    assert!(
        handed[0].starts_with("ssh/web:deploy  routine "),
        "{handed:?}"
    );
}

#[test]
fn without_a_server_what_needs_people_is_not_listed() {
    let home = web();
    let ran = run(&mut home.jit(["list"]));
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    assert!(ran.stdout.contains("ssh/web:deploy"), "{ran:?}");
    assert!(!ran.stdout.contains("ssh/web:root"), "{ran:?}");
    home.configure("policies/all.cedar", "");
    let nothing = run(&mut home.jit(["list"]));
    assert!(
        nothing.stdout.starts_with("No policy gives you anything"),
        "{nothing:?}"
    );
}
