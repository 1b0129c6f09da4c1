//! Hosts that come by an enrolled key: who enrolled them answers for what they ask and for what they approve.

use std::time::Duration;

use jit::{
    authority::{
        Client,
        workloads::{enrolment::Invitation, keys::code_hash},
    },
    domain::{
        elevation::State, event::Origin, id::GrantId, principal::Principal, session::Session,
    },
    platform::keys,
};

use super::team::{Team, run, still};

/// A host that somebody enrolled, in a session that it began by its key.
async fn enrolled(team: &Team, by: &Client, name: &str, groups: &[&str]) -> Client {
    let invitation = Invitation {
        principal: Principal::parse(name).unwrap(),
        groups: [].into(),
        code: code_hash(name),
        until: still().after(Duration::from_hours(1)),
    };
    let origin = Origin::default();
    let invited = team.here.invite(Some(by), &invitation, &origin).await;
    invited.unwrap();
    let known = team.client(name, groups).await;
    let session = Session {
        id: GrantId::new(still(), keys::random().unwrap()),
        holder: keys::generate().unwrap().public(),
        source: "key".to_owned(),
        ..known.sessions[0].clone()
    };
    let opened = team.here.open_session(&session, &Origin::default()).await;
    opened.unwrap();
    let sessions = team.here.store.line(&session.id, still()).await.unwrap();
    Client { sessions, ..known }
}

#[test]
fn who_enrolled_a_host_does_not_approve_its_requests() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &["approvers"]).await;
        let bob = team.client("bob", &["approvers"]).await;
        let host = enrolled(&team, &alice, "workload/build-7", &[]).await;
        let agent = team.agent("agent/helper", &[], &host).await;
        for asker in [&host, &agent] {
            let id = team.pending(asker, "root").await;
            assert!(team.here.approve(&alice, &id, None).await.is_err());
            assert!(team.there.to_approve(&alice).await.unwrap().is_empty());
            let approved = team.there.approve(&bob, &id, None).await.unwrap();
            assert_eq!(approved.state(still()), State::Granted);
        }
    });
}

#[test]
fn a_host_does_not_approve_for_who_enrolled_it() {
    run(async {
        let team = Team::new().await;
        let alice = team.client("alice", &[]).await;
        let bob = team.client("bob", &[]).await;
        let named = enrolled(&team, &alice, "workload/named", &[]).await;
        let other = enrolled(&team, &alice, "workload/build-8", &[]).await;
        for asker in [&alice, &other] {
            let id = team.pending(asker, "root").await;
            let refused = team.here.approve(&named, &id, None).await.unwrap_err();
            assert!(refused.message.contains("enrolled"), "{refused}");
        }
        let id = team.pending(&bob, "root").await;
        let approved = team.here.approve(&named, &id, None).await.unwrap();
        assert_eq!(approved.state(still()), State::Granted);
    });
}
