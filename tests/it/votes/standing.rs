//! What held when somebody was let in is asked again, in the commit of whatever is recorded for them.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jit::{
    authority::{
        Client,
        principals::Offboarding,
        sessions::Leave,
        workloads::{enrolment::Invitation, keys::code_hash, trusted::Workloads},
    },
    domain::{
        elevation::State,
        event::EventKind,
        failure::{Failure, Nature, Result},
        once::Once,
        principal::{Caller, Principal},
        time::Timestamp,
    },
    store::ending::Ending,
};

use super::team::{POLICIES, Team, client, policies, run, still};

fn off(who: &str) -> Offboarding {
    Offboarding {
        who: Principal::parse(who).unwrap(),
        why: "has left".to_owned(),
        forced: true,
    }
}

/// The client as the next request of its session finds it.
async fn next_request(team: &Team, of: &Client) -> Client {
    let line = team.there.store.line(&of.sessions[0].id, still()).await;
    client(line.unwrap())
}

fn is_conflict<T: std::fmt::Debug>(outcome: Result<T>, what: &str) {
    let refused: Failure = outcome.expect_err(what);
    assert_eq!(refused.nature, Nature::Conflict, "{what}: {refused:?}");
}

#[test]
fn a_demoted_administrator_loses_the_group_in_every_session() {
    run(async {
        let team = Team::new().await;
        team.client("root", &["administrators"]).await;
        team.client("bob", &[]).await;
        let laptop = team.client("mallory", &["administrators", "dev"]).await;
        team.here.principals(&laptop).await.unwrap();
        // At another machine, after the provider took a group away.
        team.client("mallory", &["dev"]).await;
        let again = next_request(&team, &laptop).await;
        let groups: Vec<&str> = again.caller.groups.iter().map(String::as_str).collect();
        assert_eq!(groups, ["dev"]);
        assert!(team.here.principals(&again).await.is_err());
        // A request that was on its way already records nothing.
        is_conflict(team.here.disable(&laptop, &off("bob")).await, "disable");
        // What she gets back counts where it was attested, and not in the older session.
        let desktop = team.client("mallory", &["administrators"]).await;
        let desktop = next_request(&team, &desktop).await;
        team.here.principals(&desktop).await.unwrap();
    });
}

#[test]
fn a_group_that_a_newer_attestation_adds_permits_nothing_in_an_older_session_and_forbids_there() {
    run(async {
        let mut team = Team::new().await;
        let forbid =
            "@id(\"suspended\") forbid (principal in Group::\"suspended\", action, resource);";
        team.here.policies = policies(&format!("{POLICIES}\n{forbid}"));
        let laptop = team.client("alice", &[]).await;
        team.granted(&laptop, "deploy").await;
        team.client("alice", &["suspended", "administrators"]).await;
        let again = next_request(&team, &laptop).await;
        assert!(again.caller.groups.is_empty());
        let refused = team.here.elevate(&again, &super::team::ask("deploy")).await;
        let refused = refused.unwrap_err();
        assert!(refused.message.contains("suspended"), "{refused:?}");
        // The other group would permit this, were it not for the older session.
        team.here.policies = policies(POLICIES);
        assert!(team.here.principals(&again).await.is_err());
        team.granted(&again, "deploy").await;
    });
}

#[test]
fn jobs_that_share_a_principal_keep_their_own_groups() {
    run(async {
        let team = Team::new().await;
        let main = team.client("workload/ci", &["deployers"]).await;
        team.client("workload/ci", &[]).await;
        let again = next_request(&team, &main).await;
        assert!(again.caller.groups.contains("deployers"));
        team.granted(&again, "deploy").await;
    });
}

#[test]
fn nothing_is_recorded_for_a_caller_who_was_disabled_meanwhile() {
    run(async {
        let team = Team::new().await;
        let root = team.client("root", &["administrators"]).await;
        team.client("bob", &[]).await;
        let mallory = team.client("mallory", &["administrators"]).await;
        let bot = Principal::parse("workload/bot").unwrap();
        let invitation = |name: &str, code: &str| Invitation {
            principal: Principal::parse(name).unwrap(),
            groups: [].into(),
            code: code_hash(code),
            until: still().after(Duration::from_hours(1)),
        };
        let known = Workloads::default();
        let invited = invitation("workload/bot", "one");
        team.here.enrol(&known, &root, &invited).await.unwrap();
        let pending = team.pending(&mallory, "root").await;
        let held = team.granted(&mallory, "deploy").await.grant.id;
        team.there.disable(&root, &off("mallory")).await.unwrap();
        let before = team.events().await.len();
        // She was authenticated before, and her requests are still on their way.
        let own = Principal::parse("mallory").unwrap();
        is_conflict(team.here.enable(&mallory, &own, "it is me").await, "enable");
        is_conflict(team.here.disable(&mallory, &off("bob")).await, "disable");
        let more = invitation("workload/door", "two");
        is_conflict(team.here.enrol(&known, &mallory, &more).await, "enrol");
        is_conflict(team.here.unenrol(&mallory, &bot).await, "unenrol");
        let leave = Leave::by(Ending::Session(mallory.sessions[0].id.clone()));
        is_conflict(team.here.close_session(&mallory, &leave).await, "sign out");
        assert!(team.here.end(&mallory, &pending).await.is_err());
        // Her grant is revoked: her revoking it too changes nothing.
        team.here.end(&mallory, &held).await.unwrap();
        assert_eq!(team.events().await.len(), before);
        assert!(team.try_client("mallory", &[]).await.is_err());
    });
}

#[test]
fn a_proof_is_used_up_by_whatever_is_recorded_with_it() {
    run(async {
        let team = Team::new().await;
        let root = team.client("root", &["administrators"]).await;
        team.client("bob", &[]).await;
        let bob = Principal::parse("bob").unwrap();
        let proven = |number: u32| Client {
            proof: Some(Once {
                id: format!("proof {number}"),
                until: still().after(Duration::from_mins(1)),
            }),
            ..root.clone()
        };
        team.here.disable(&proven(1), &off("bob")).await.unwrap();
        is_conflict(
            team.there.enable(&proven(1), &bob, "replayed").await,
            "enable",
        );
        team.there
            .enable(&proven(2), &bob, "is back")
            .await
            .unwrap();
        is_conflict(team.here.disable(&proven(2), &off("bob")).await, "disable");
        let held = team.granted(&root, "deploy").await.grant.id;
        is_conflict(team.here.end(&proven(1), &held).await, "end");
        team.here.end(&proven(3), &held).await.unwrap();
    });
}

#[test]
fn a_yes_of_somebody_who_lost_the_right_to_say_it_counts_no_more() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &[]).await;
        let id = team.pending(&alice, "two").await;
        let mallory = team.client("mallory", &["approvers"]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let carol = team.client("carol", &["approvers"]).await;
        team.here.approve(&mallory, &id, None).await.unwrap();
        team.client("mallory", &[]).await;
        let one = team.there.approve(&bob, &id, None).await.unwrap();
        assert_eq!(one.state(still()), State::Pending, "bob's is the first");
        let two = team.here.approve(&carol, &id, None).await.unwrap();
        assert_eq!(two.state(still()), State::Granted);
    });
}

#[test]
fn a_yes_counts_by_the_sign_in_and_the_address_that_it_was_said_with() {
    run(async {
        let mut team = Team::new().await;
        let office = POLICIES.replace(
            "permit (principal in Group::\"approvers\", action == Action::\"approve\", resource);",
            "permit (principal in Group::\"approvers\", action == Action::\"approve\", resource)
             when { context has address && context.address.isInRange(ip(\"10.0.0.0/8\")) };",
        );
        team.here.policies = policies(&office);
        let alice = team.client("alice", &[]).await;
        let id = team.pending(&alice, "two").await;
        let mut at_the_office = Vec::new();
        for name in ["bob", "carol"] {
            let mut one = team.client(name, &["approvers"]).await;
            one.origin.address = Some([10, 0, 0, 7].into());
            at_the_office.push(one);
        }
        for approver in &at_the_office {
            team.here.approve(approver, &id, None).await.unwrap();
        }
        let granted = team.here.visible(&alice, &id).await.unwrap();
        assert_eq!(granted.state(still()), State::Granted);
    });
}

#[test]
fn a_demotion_that_is_recorded_before_the_last_yes_is_seen_by_it() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        for _ in 0..20 {
            let id = team.pending(&alice, "two").await;
            let mallory = team.client("mallory", &["approvers"]).await;
            team.here.approve(&mallory, &id, None).await.unwrap();
            let (demoted, last) = tokio::join!(
                team.client("mallory", &[]),
                team.there.approve(&bob, &id, None)
            );
            let granted = last.unwrap().state(still()) == State::Granted;
            let events = team.events().await;
            let place = |found: &dyn Fn(&jit::domain::event::Event) -> bool| {
                events.iter().position(|one| found(&one.event))
            };
            let demotion = place(&|event| event.grant == demoted.sessions[0].id);
            let grant = place(&|event| event.grant == id && event.kind == EventKind::Granted);
            assert_eq!(granted, grant.is_some());
            assert!(
                grant.is_none_or(|grant| Some(grant) < demotion),
                "{events:?}"
            );
            if granted {
                team.here.claim(&alice, &id).await.unwrap();
            } else {
                team.here.end(&alice, &id).await.unwrap();
            }
        }
    });
}

#[test]
fn an_attestation_counts_for_the_session_that_it_was_shown_in() {
    static CLOCK: AtomicI64 = AtomicI64::new(1_800_000_000);
    fn clock() -> Timestamp {
        Timestamp::from_secs(CLOCK.load(Ordering::Relaxed))
    }
    run(async {
        let team = Team::at(clock).await;
        let first = team.client("alice", &[]).await;
        CLOCK.fetch_add(3600, Ordering::Relaxed);
        let second = team.client("alice", &[]).await;
        assert_eq!(second.sessions[0].attested_at(), clock());
        let first = team.here.store.line(&first.sessions[0].id, clock()).await;
        let attested_at = first.unwrap()[0].attested_at();
        assert_eq!(attested_at, clock().before(Duration::from_hours(1)));
    });
}

#[test]
fn a_caller_is_narrowed_and_never_widened_by_a_newer_attestation() {
    let group = |name: &str| name.to_owned();
    let caller = Caller::new(
        Principal::parse("alice").unwrap(),
        [group("a"), group("b")].into(),
    );
    let narrowed = caller
        .clone()
        .narrowed(Some([group("b"), group("c")].into()));
    assert_eq!(narrowed.groups, [group("b")].into());
    let asked: Vec<_> = narrowed.for_policy();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].groups, [group("b"), group("c")].into());
    assert_eq!(caller.clone().narrowed(None).for_policy().len(), 1);
    let fewer = caller.narrowed(Some([group("a")].into()));
    assert_eq!(fewer.for_policy().len(), 1);
}
