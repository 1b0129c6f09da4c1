//! Whoever is disabled, signs out or was away for too long has nothing any more.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use jit::{
    authority::{Client, principals::Offboarding, sessions::Leave},
    domain::{
        elevation::State,
        event::EventKind,
        failure::{Code, Nature},
        lifecycle::Lifecycle,
        principal::Principal,
        time::Timestamp,
    },
    store::{answers::IdempotencyKey, ending::Ending},
};

use super::team::{Team, ask, run, still};

fn off(who: &str) -> Offboarding {
    Offboarding {
        who: Principal::parse(who).unwrap(),
        why: "has left".to_owned(),
        forced: false,
    }
}

#[test]
fn whoever_is_disabled_has_nothing_any_more_whatever_they_do_meanwhile() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &[]).await;
        let admin = team.client("root", &["administrators"]).await;
        let agent = team.agent("agent/helper", &[], &alice).await;
        let pending = team.pending(&alice, "root").await;
        let asking = async {
            let mut held = Vec::new();
            for round in 0..40 {
                let (who, on) = if round % 2 == 0 {
                    (&alice, &team.here)
                } else {
                    (&agent, &team.there)
                };
                match on.elevate(who, &ask("deploy")).await {
                    Ok(outcome) => held.push(outcome.answer().unwrap().grant.id),
                    Err(_) => break,
                }
            }
            held
        };
        let disabling = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            team.there.disable(&admin, &off("alice")).await
        };
        let (held, known) = tokio::join!(asking, disabling);
        let known = known.unwrap();
        assert_eq!((known.sessions, known.grants), (0, 0));
        assert!(held.len() < 40, "it was no race");
        for id in &held {
            let elevation = team
                .here
                .store
                .elevation(id, still())
                .await
                .unwrap()
                .unwrap();
            assert_eq!(elevation.state(still()), State::Revoked);
        }
        assert_eq!(team.kinds(&pending).await, ["requested", "denied"]);
        assert!(team.here.elevate(&agent, &ask("deploy")).await.is_err());
        for twin in ["alice", "ALICE"] {
            let refused = team.try_client(twin, &[]).await.unwrap_err();
            assert!(refused.message.contains("was disabled"), "{refused:?}");
        }
        let events = team.events().await;
        let event = &events
            .iter()
            .find(|one| one.event.kind == EventKind::Disabled)
            .unwrap()
            .event;
        assert!(
            event.detail.as_ref().unwrap().contains("2 sessions"),
            "{event:?}"
        );
    });
}

#[test]
fn whoever_is_enabled_comes_again_and_somebody_can_always_administer() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &[]).await;
        let admin = team.client("root", &["administrators"]).await;
        let name = Principal::parse("alice").unwrap();
        team.here.disable(&admin, &off("alice")).await.unwrap();
        team.here.enable(&admin, &name, "is back").await.unwrap();
        team.client("alice", &[]).await;
        let refused = team.here.disable(&alice, &off("alice")).await.unwrap_err();
        assert_eq!(refused.code, Code::Denied);
        let refused = team.here.disable(&admin, &off("root")).await.unwrap_err();
        assert!(refused.hint.contains("--force"), "{refused:?}");
        team.here
            .disable(
                &admin,
                &Offboarding {
                    forced: true,
                    ..off("root")
                },
            )
            .await
            .unwrap();
    });
}

#[test]
fn what_somebody_approved_who_is_disabled_counts_no_more() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &[]).await;
        let admin = team.client("root", &["administrators"]).await;
        let id = team.pending(&alice, "two").await;
        let mut approvers = Vec::new();
        for name in ["mallory", "bob", "carol"] {
            approvers.push(team.client(name, &["approvers"]).await);
        }
        let [mallory, bob, carol] = &approvers[..] else {
            panic!("three")
        };
        team.here.approve(mallory, &id, None).await.unwrap();
        team.here.disable(&admin, &off("mallory")).await.unwrap();
        let one = team.there.approve(bob, &id, None).await.unwrap();
        assert_eq!(one.state(still()), State::Pending, "bob's is the first");
        let two = team.here.approve(carol, &id, None).await.unwrap();
        assert_eq!(two.state(still()), State::Granted);
    });
}

#[test]
fn lifecycles_are_kept_by_the_clock() {
    static CLOCK: AtomicI64 = AtomicI64::new(1_800_000_000);
    fn clock() -> Timestamp {
        Timestamp::from_secs(CLOCK.load(Ordering::Relaxed))
    }
    run(async {
        let mut team = Team::at(clock).await;
        let hours = |hours| Some(Duration::from_hours(hours));
        team.here.lifecycles.human = Lifecycle {
            attest_grace: None,
            session: hours(2),
            grant: hours(1),
            attest: hours(3),
            dormant: hours(24 * 90),
        };
        let alice = team.client("alice", &[]).await;
        let session = &alice.sessions[0];
        assert_eq!(session.expires_at, clock().after(Duration::from_hours(2)));
        let grant = team.granted(&alice, "deploy").await.grant;
        assert_eq!(grant.expires_at.left(clock()), Duration::from_hours(1));
        CLOCK.fetch_add(90 * 24 * 3600, Ordering::Relaxed);
        let refused = team.try_client("alice", &[]).await.unwrap_err();
        assert!(refused.message.contains("was not here for"), "{refused:?}");
        let admin = team.client("root", &["administrators"]).await;
        let name = Principal::parse("alice").unwrap();
        team.here.enable(&admin, &name, "from leave").await.unwrap();
        team.client("alice", &[]).await;
    });
}

/// Counts how often the time is asked for.
fn counted() -> Timestamp {
    ASKED.fetch_add(1, Ordering::Relaxed);
    still()
}

static ASKED: AtomicI64 = AtomicI64::new(0);

#[test]
fn what_ended_meanwhile_is_not_decided_again_and_again() {
    run(async {
        let team = Team::at(counted).await;
        let alice = team.client("alice", &[]).await;
        let key = IdempotencyKey {
            caller: alice.sessions[0].id.to_string(),
            key: "one".to_owned(),
            request: "a hash".to_owned(),
        };
        let session = &alice.sessions[0];
        let leave = Leave::by(Ending::Session(session.id.clone()));
        let closed = team.here.close_session(&alice, &leave);
        closed.await.unwrap();
        let asks = async |client: &Client| {
            let before = ASKED.load(Ordering::Relaxed);
            let refused = team.here.elevate(client, &ask("deploy")).await.unwrap_err();
            assert_eq!(
                (refused.code, refused.nature),
                (Code::Denied, Nature::Conflict)
            );
            ASKED.load(Ordering::Relaxed) - before
        };
        let once = asks(&alice).await;
        let keyed = Client {
            once: Some(key.clone()),
            ..alice
        };
        // A key that is not there may have been taken back, so that it is tried once more.
        let twice = asks(&keyed).await;
        assert!(twice < 3 * once, "{twice}, not twice {once}");
        let noted = team.here.store.noted(&key, still()).await.unwrap();
        assert!(noted.is_none(), "{noted:?}");
    });
}
