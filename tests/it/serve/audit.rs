//! What an auditor of a server asks for: one principal of two with the same name, and what an approver did.

use super::member::{Member, POLICIES};
use crate::support::{Serve, web::CATALOGUE};

#[test]
fn a_workload_and_a_person_of_one_name_are_told_apart() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &[]);
    let job = Member::of(&serve, "workload/alice", &[]);
    let auditor = Member::of(&serve, "root", &["administrators"]);
    alice.works(&["request", "ssh/web:deploy"]);
    job.works(&["request", "ssh/web:deploy"]);
    for (name, other) in [("alice", " workload/alice "), ("workload/alice", " alice ")] {
        let shown = auditor.works(&["audit", "--principal", name]);
        assert!(shown.contains(&format!(" {name} ")), "{shown}");
        assert!(!shown.contains(other), "{shown}");
    }
    let unknown = auditor.jit(&["audit", "--principal", "workload/alcie"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(
        unknown.stderr.contains("\"workload/alice\"?"),
        "{unknown:?}"
    );
    // Who may not audit is told nothing of others.
    let own = alice.jit(&["audit", "--principal", "workload/alice"]);
    assert_eq!(own.code, 0, "{own:?}");
    assert!(!own.stdout.contains("workload/alice"), "{own:?}");
}

#[test]
fn what_somebody_approved_is_found_by_the_approver() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &[]);
    let bob = Member::of(&serve, "b_b", &["approvers"]);
    let auditor = Member::of(&serve, "root", &["administrators"]);
    let asked = alice.jit(&[
        "request",
        "ssh/web:root",
        "-j",
        "\"by\":{\"class\":\"Human\",\"name\":\"bob\"}",
        "--no-wait",
    ]);
    assert_eq!(asked.code, 122, "{asked:?}");
    let listed = bob.works(&["approvals"]);
    bob.works(&["approve", listed.split_whitespace().next().unwrap()]);
    let shown = auditor.works(&["audit", "--approver", "b_b", "--kind", "approved"]);
    assert_eq!(shown.lines().count(), 1, "{shown}");
    assert!(shown.contains("with=b_b"), "{shown}");
    // Neither a wildcard nor the words of somebody else count as an approver.
    let other = auditor.jit(&["audit", "--approver", "bob"]);
    assert_eq!(other.code, 2, "{other:?}");
}
