//! Who may say yes to a request, and what comes of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jit::{
    authority::{Client, request::Ask, sessions::Leave, watch::Watches},
    domain::{
        elevation::State,
        event::EventKind,
        failure::{Code, Nature},
        id::GrantId,
        time::Timestamp,
    },
    platform::keys,
    store::{ending::Ending, ledger::Verification},
};
use tokio::task::JoinSet;

use super::team::{POLICIES, Team, ask, policies, run, still};

#[test]
fn one_yes_of_somebody_else_grants_it_and_whoever_asked_claims_it_once() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let id = team.pending(&alice, "root").await;
        assert_eq!(
            team.pending(&alice, "root").await,
            id,
            "asked again, it is the same"
        );
        assert_eq!(
            team.here.claim(&alice, &id).await.unwrap_err().code,
            Code::Pending
        );
        let mine = team.there.to_approve(&bob).await.unwrap();
        assert_eq!(mine.len(), 1);
        assert!(team.here.to_approve(&alice).await.unwrap().is_empty());
        let watches = Watches::default();
        let waiting = team
            .here
            .watch(&watches, &alice, &id, Duration::from_mins(1));
        let (seen, approved) = tokio::join!(waiting, team.there.approve(&bob, &id, Some("go")));
        assert_eq!(approved.unwrap().state(still()), State::Granted);
        assert_eq!(seen.unwrap().state(still()), State::Granted);
        // A hook that asks again gives no reason, and finds it.
        let again = Ask {
            justification: None,
            ..ask("root")
        };
        let answer = team
            .here
            .elevate(&alice, &again)
            .await
            .unwrap()
            .answer()
            .unwrap();
        assert_eq!(answer.grant.id, id);
        assert_eq!(
            team.kinds(&id).await,
            ["requested", "approved", "granted", "issued"]
        );
        // Lost, and asked for once more with the same keys; but nobody else's.
        team.here.claim(&alice, &id).await.unwrap();
        let elsewhere = Client {
            holder: keys::generate().unwrap().public(),
            ..alice.clone()
        };
        let refused = team.here.claim(&elsewhere, &id).await.unwrap_err();
        assert!(refused.message.contains("another key"), "{refused:?}");
        assert!(team.here.claim(&bob, &id).await.is_err());
        let approved = team.events().await;
        let approved = approved
            .iter()
            .find(|entry| entry.event.kind == EventKind::Approved);
        let event = &approved.unwrap().event;
        assert_eq!(event.by.as_ref().unwrap().name(), "bob");
        assert_eq!(event.detail.as_deref(), Some("go"));
    });
}

#[test]
fn an_agent_does_to_others_no_more_than_whom_it_acts_for_may() {
    run(async {
        let mut team = Team::new().await;
        let may = "permit (principal is Agent, action in [Action::\"revoke\", Action::\"audit\"], resource);";
        team.here.policies = policies(&format!("{POLICIES}\n@id(\"agents\")\n{may}"));
        let bob = team.client("bob", &[]).await;
        let id = team.granted(&bob, "deploy").await.grant.id;
        let alice = team.client("alice", &[]).await;
        let agent = team.agent("agent/helper", &[], &alice).await;
        for who in [&alice, &agent] {
            let refused = team.here.visible(who, &id).await.unwrap_err();
            assert_eq!(refused.nature, Nature::Absent, "{refused:?}");
            assert!(team.here.end(who, &id).await.is_err());
        }
        let on_call = team.client("carol", &["on-call"]).await;
        let hers = team.agent("agent/helper", &[], &on_call).await;
        team.here.visible(&hers, &id).await.unwrap();
    });
}

#[test]
fn nobody_approves_for_themselves() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &["approvers"]).await;
        let id = team.pending(&alice, "root").await;
        let again = team.client("alice", &["approvers"]).await;
        let twin = team.client("Alice", &["approvers"]).await;
        let agent = team.agent("agent/alice", &["approvers"], &alice).await;
        let of_bob = team.client("bob", &["approvers"]).await;
        let his_agent = team.agent("agent/helper", &["approvers"], &of_bob).await;
        let grouped = team.client("workload/ci", &["approvers"]).await;
        let mallory = team.client("mallory", &[]).await;
        for who in [
            &alice, &again, &twin, &agent, &his_agent, &grouped, &mallory,
        ] {
            let refused = team.here.approve(who, &id, None).await.unwrap_err();
            assert!(
                [Code::Denied, Code::Usage].contains(&refused.code),
                "{refused:?}"
            );
            assert!(team.here.to_approve(who).await.unwrap().is_empty());
            assert!(team.here.refuse(who, &id, "no").await.is_err());
        }
        // Guessing ids tells a stranger nothing.
        let never = GrantId::new(still(), [3; 10]);
        let told = team
            .here
            .approve(&mallory, &id, None)
            .await
            .unwrap_err()
            .message;
        let guessed = team
            .here
            .approve(&mallory, &never, None)
            .await
            .unwrap_err()
            .message;
        assert_eq!(
            told.replace(id.as_str(), ""),
            guessed.replace(never.as_str(), "")
        );
        // What an agent asks for somebody is not approved by that one.
        let asked = team.pending(&agent, "root").await;
        assert!(team.here.approve(&alice, &asked, None).await.is_err());
        assert_eq!(team.kinds(&id).await, ["requested"]);
        let named = team.client("workload/named", &[]).await;
        team.here.approve(&named, &asked, None).await.unwrap();
        team.there.approve(&of_bob, &id, None).await.unwrap();
    });
}

#[test]
fn of_many_who_approve_at_once_through_two_replicas_one_grants_it() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &[]).await;
        let id = team.pending(&alice, "two").await;
        let mut approvers = Vec::new();
        for name in ["a", "b", "c", "d", "e", "f"] {
            approvers.push(team.client(name, &["approvers"]).await);
        }
        let twice = team.here.approve(&approvers[0], &id, None).await.unwrap();
        assert_eq!(twice.state(still()), State::Pending);
        let twice = team
            .here
            .approve(&approvers[0], &id, None)
            .await
            .unwrap_err();
        assert!(twice.message.contains("already"), "{twice:?}");
        let (first, second, third, no, last) = tokio::join!(
            team.here.approve(&approvers[1], &id, None),
            team.there.approve(&approvers[2], &id, None),
            team.here.approve(&approvers[3], &id, None),
            team.there.refuse(&approvers[4], &id, "not today"),
            team.there.approve(&approvers[5], &id, None),
        );
        let outcomes = [first, second, third, no, last];
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "{outcomes:?}");
        let kinds = team.kinds(&id).await;
        let decided = kinds
            .iter()
            .filter(|kind| ["granted", "denied"].contains(kind))
            .count();
        assert_eq!(decided, 1, "{kinds:?}");
        let whole = team.here.store.ledger().verify().await.unwrap();
        assert!(matches!(whole, Verification::Whole { .. }), "{whole:?}");
    });
}

#[test]
fn the_last_yes_does_not_grant_what_policy_would_not_any_longer() {
    run(async {
        let mut team = Team::new().await;
        let alice = team.client("alice", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let id = team.pending(&alice, "root").await;
        let forbid = format!(
            "{POLICIES}\n@id(\"fired\") forbid (principal == Human::\"alice\", action in Action::\"obtain\", resource);"
        );
        team.there.policies = policies(&forbid);
        let refused = team.there.approve(&bob, &id, None).await.unwrap_err();
        assert!(
            refused.message.contains("forbidden by fired"),
            "{refused:?}"
        );
        assert_eq!(team.kinds(&id).await, ["requested", "approved", "denied"]);
        // Whoever signs out gives up what they have asked for, and what their agents have.
        let agent = team.agent("agent/helper", &[], &alice).await;
        let (own, asked) = (
            team.pending(&alice, "root").await,
            team.pending(&agent, "root").await,
        );
        let held = team.granted(&agent, "deploy").await.grant.id;
        team.here
            .close_session(
                &alice,
                &Leave::by(Ending::Session(alice.sessions[0].id.clone())),
            )
            .await
            .unwrap();
        for id in [&own, &asked] {
            assert!(team.here.approve(&bob, id, None).await.is_err());
            assert_eq!(team.kinds(id).await.last(), Some(&"denied"));
        }
        assert_eq!(team.kinds(&held).await, ["granted", "issued", "revoked"]);
        let late = team.here.elevate(&alice, &ask("deploy")).await.unwrap_err();
        assert_eq!(late.nature, Nature::Conflict, "{late:?}");
    });
}

#[test]
fn a_request_is_given_up_denied_or_over_by_itself() {
    static CLOCK: AtomicI64 = AtomicI64::new(1_800_000_000);
    fn clock() -> Timestamp {
        Timestamp::from_secs(CLOCK.load(Ordering::Relaxed))
    }
    run(async {
        let team = Team::at(clock).await;
        let alice = team.client("alice", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let id = team.pending(&alice, "root").await;
        assert!(team.here.end(&bob, &id).await.is_err());
        assert!(team.here.end(&alice, &id).await.unwrap().is_none());
        assert!(team.here.approve(&bob, &id, None).await.is_err());
        let id = team.pending(&alice, "root").await;
        team.here
            .refuse(&bob, &id, "use the other one")
            .await
            .unwrap();
        assert_eq!(
            team.here.claim(&alice, &id).await.unwrap_err().code,
            Code::Denied
        );
        let id = team.pending(&alice, "root").await;
        CLOCK.fetch_add(3601, Ordering::Relaxed);
        assert_eq!(
            team.here.visible(&alice, &id).await.unwrap().state(clock()),
            State::Expired
        );
        assert!(team.here.to_approve(&bob).await.unwrap().is_empty());
        assert!(team.here.approve(&bob, &id, None).await.is_err());
        assert_ne!(team.pending(&alice, "root").await, id);
        // Without a reason the reason is asked for, and then people are.
        let silent = Ask {
            justification: None,
            answerable: true,
            ..ask("two")
        };
        let failure = team.here.elevate(&alice, &silent).await.unwrap_err();
        assert_eq!(failure.nature, Nature::Unexplained);
        let held = team.granted(&alice, "deploy").await.grant.id;
        assert!(team.here.end(&bob, &held).await.is_err());
        let on_call = team.client("carol", &["on-call"]).await;
        team.here.end(&on_call, &held).await.unwrap();
        assert_eq!(team.kinds(&held).await.last(), Some(&"revoked"));
    });
}

#[test]
fn however_many_wait_for_the_same_the_store_is_asked_once_for_all() {
    run(async {
        let team = Arc::new(Team::new().await);
        let alice = team.client("alice", &[]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let id = team.pending(&alice, "root").await;
        let watches = Watches::default();
        let mut all = JoinSet::new();
        for _ in 0..20 {
            let (team, watches) = (Arc::clone(&team), watches.clone());
            let (alice, id) = (alice.clone(), id.clone());
            all.spawn(async move {
                let minute = Duration::from_mins(1);
                let seen = team.here.watch(&watches, &alice, &id, minute).await;
                seen.unwrap().state(still())
            });
        }
        while watches.waiting() < 20 {
            tokio::task::yield_now().await;
        }
        assert_eq!(watches.looked_at(), 1, "by one for all");
        team.there.approve(&bob, &id, None).await.unwrap();
        let seen = all.join_all().await;
        assert!(seen.iter().all(|one| *one == State::Granted), "{seen:?}");
        assert_eq!(watches.looked_at(), 0, "it is over");
        // Whoever has gone is not looked for any more.
        let id = team.pending(&alice, "two").await;
        let soon = Duration::from_millis(1);
        let still_pending = team.here.watch(&watches, &alice, &id, soon).await.unwrap();
        assert_eq!(still_pending.state(still()), State::Pending);
        crate::support::until("nobody to look", || {
            (watches.looked_at() == 0).then_some(())
        });
    });
}
