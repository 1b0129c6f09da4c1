//! An enrolled key counts while its enrolment stands, and its name is nobody else's.

use std::time::Duration;

use jit::{
    authority::{Client, entrance::Vouched, principals::Offboarding},
    domain::{
        event::{EventKind, Origin},
        failure::Code,
        id::GrantId,
        key::PublicKey,
        principal::{Caller, Principal},
        session::Session,
    },
    platform::{assertion::Said, clock, keys},
    store::{
        database::Statement,
        identities::{Identity, Pinned},
        principals::disable,
    },
};

use super::{
    Place, block_on,
    keys::{
        CODE, administered, client, host, invitation, invited, joining, key, recorded, replaced_by,
        says,
    },
    why,
};

/// A session of an administrator.
fn session_of(name: &str, holder: PublicKey) -> Session {
    let now = clock::now();
    Session {
        id: GrantId::new(now, keys::random().unwrap()),
        caller: Caller::new(
            Principal::parse(name).unwrap(),
            ["administrators".to_owned()].into(),
        ),
        holder,
        source: "tests".to_owned(),
        parent: None,
        only: None,
        created_at: now,
        expires_at: now.after(Duration::from_hours(1)),
        provider_session: None,
        attested_at: None,
    }
}

#[test]
fn nobody_is_let_in_by_a_key_whose_enrolment_was_removed_meanwhile() {
    block_on(async {
        let mut place = invited().await;
        place.authority.policies = administered();
        let (own, next, admin) = (key(), key(), client(&["administrators"]));
        let origin = Origin::default();
        says(&place, &own, joining()).await.unwrap();
        let plain = says(&place, &own, Said::default()).await.unwrap();
        let replacing = says(&place, &own, replaced_by(&next)).await.unwrap();
        let holder = key().public();
        let authority = &place.authority;
        // The key was replaced since: only what was said with the new one beside it still counts.
        let refused = authority.let_in(&plain, holder, &origin).await;
        assert_eq!(refused.unwrap_err().code, Code::Denied);
        let known = authority.let_in(&replacing, holder, &origin).await;
        known.unwrap();
        authority.unenrol(&admin, &host()).await.unwrap();
        for (vouched, holder) in [(&plain, key().public()), (&replacing, key().public())] {
            let refused = authority.let_in(vouched, holder, &origin).await;
            let refused = refused.unwrap_err();
            assert!(refused.message.contains("no enrolment"), "{refused:?}");
        }
        let refused = authority.let_in(&replacing, holder, &origin).await;
        assert!(refused.is_err(), "its session has ended with the enrolment");
    });
}

#[test]
fn a_join_code_of_somebody_who_was_disabled_lets_nobody_in() {
    block_on(async {
        let mut place = Place::new("", "workloads = []").await;
        place.authority.policies = administered();
        let authority = &place.authority;
        let known = &place.workloads;
        let origin = Origin::default();
        // Both have been here.
        let people = ["alice", "root"].map(|name| {
            let own = key().public();
            let session = session_of(name, own);
            (
                Client {
                    caller: session.caller.clone(),
                    ..client(&[])
                },
                session,
            )
        });
        for (_, session) in &people {
            authority.open_session(session, &origin).await.unwrap();
        }
        let [(alice, _), (root, _)] = &people;
        let minutes = Duration::from_mins(10);
        let wanted = [
            invitation(host(), CODE, minutes),
            invitation(
                Principal::parse("workload/build-8").unwrap(),
                "other",
                minutes,
            ),
        ];
        for one in &wanted {
            authority.enrol(known, alice, one).await.unwrap();
        }
        let second = key();
        let said = Said {
            code: Some("other".to_owned()),
            next: None,
        };
        says(&place, &second, said).await.unwrap();
        let off = Offboarding {
            who: alice.caller.principal.clone(),
            why: "has left".to_owned(),
            forced: false,
        };
        let disabled = authority.disable(root, &off).await.unwrap();
        // What she enrolled is told, and goes on until somebody removes it.
        assert_eq!(disabled.enrolled, [wanted[1].principal.clone()]);
        assert!(says(&place, &second, Said::default()).await.is_ok());
        let failure = why(says(&place, &key(), joining()).await);
        assert!(
            failure.message.contains("none of this server's"),
            "{failure}"
        );
        let withdrawn = recorded(&place, EventKind::SignedOut).await;
        assert!(withdrawn[0].contains("withdrawn"), "{withdrawn:?}");
        // Nor does it after she was enabled again.
        let name = &alice.caller.principal;
        authority.enable(root, name, "is back").await.unwrap();
        why(says(&place, &key(), joining()).await);
    });
}

#[test]
fn a_code_that_was_left_by_somebody_who_is_disabled_lets_nobody_in() {
    block_on(async {
        let mut place = Place::new("", "workloads = []").await;
        place.authority.policies = administered();
        let authority = &place.authority;
        let (alice, wanted) = (
            client(&["administrators"]),
            invitation(host(), CODE, Duration::from_mins(10)),
        );
        let session = session_of("alice", key().public());
        let origin = Origin::default();
        authority.open_session(&session, &origin).await.unwrap();
        authority
            .enrol(&place.workloads, &alice, &wanted)
            .await
            .unwrap();
        // As a version left it that did not take codes back.
        let disable = disable(&alice.caller.principal, clock::now());
        authority.store.write(&disable).await.unwrap();
        let failure = why(says(&place, &key(), joining()).await);
        assert!(failure.message.contains("disabled by now"), "{failure}");
    });
}

/// Changes the database behind the authority's back.
async fn tamper(place: &Place, sql: &'static str) {
    let change = Statement::new(sql, []);
    place.authority.store.write(&change).await.unwrap();
}

const REMOVE_INVITER: &str = "delete from principals where name = 'alice'";

#[test]
fn whether_the_maker_of_a_join_code_is_disabled_is_asked_of_the_ledger_where_the_row_is_gone() {
    block_on(async {
        let mut place = Place::new("", "workloads = []").await;
        place.authority.policies = administered();
        let (authority, origin) = (&place.authority, Origin::default());
        let [alice, root] = ["alice", "root"].map(|name| session_of(name, key().public()));
        for session in [&alice, &root] {
            authority.open_session(session, &origin).await.unwrap();
        }
        let by = |session: &Session| Client {
            caller: session.caller.clone(),
            ..client(&[])
        };
        let minutes = Duration::from_mins(10);
        let wanted = invitation(host(), CODE, minutes);
        let enrolled = authority
            .enrol(&place.workloads, &by(&alice), &wanted)
            .await;
        enrolled.unwrap();
        tamper(&place, "create table kept as select * from enrolments").await;
        let off = Offboarding {
            who: alice.caller.principal.clone(),
            why: "has left".to_owned(),
            forced: false,
        };
        authority.disable(&by(&root), &off).await.unwrap();
        tamper(&place, REMOVE_INVITER).await;
        tamper(&place, "insert into enrolments select * from kept").await;
        let failure = why(says(&place, &key(), joining()).await);
        assert!(failure.message.contains("disabled by now"), "{failure}");
    });
}

#[test]
fn a_join_code_whose_maker_has_no_row_any_more_lets_in_by_what_it_says() {
    block_on(async {
        let mut place = Place::new("", "workloads = []").await;
        place.authority.policies = administered();
        let (authority, origin) = (&place.authority, Origin::default());
        let alice = session_of("alice", key().public());
        authority.open_session(&alice, &origin).await.unwrap();
        let wanted = invitation(host(), CODE, Duration::from_mins(10));
        let by = client(&["administrators"]);
        let enrolled = authority.enrol(&place.workloads, &by, &wanted);
        enrolled.await.unwrap();
        tamper(&place, REMOVE_INVITER).await;
        says(&place, &key(), joining()).await.unwrap();
    });
}

#[test]
fn a_name_has_one_owner_an_enrolled_key_or_an_account_of_a_provider() {
    block_on(async {
        let mut place = invited().await;
        place.authority.policies = administered();
        let authority = &place.authority;
        let admin = client(&["administrators"]);
        let origin = Origin::default();
        let own = key();
        let by_key = says(&place, &own, joining()).await.unwrap();
        authority
            .let_in(&by_key, key().public(), &origin)
            .await
            .unwrap();
        let by_provider = Vouched {
            source: "https://id.example.com".to_owned(),
            identity: Some(Identity {
                source: "https://id.example.com".to_owned(),
                subject: "4711".to_owned(),
            }),
            enrolled: None,
            caller: Caller::new(Principal::parse("alice").unwrap(), [].into()),
            ..by_key.clone()
        };
        let key_of_alice = Vouched {
            caller: by_provider.caller.clone(),
            identity: Some(Identity {
                source: "key".to_owned(),
                subject: "alice".to_owned(),
            }),
            ..by_key.clone()
        };
        // The provider's account has the name: a key does not count beside it.
        authority
            .let_in(&by_provider, key().public(), &origin)
            .await
            .unwrap();
        let refused = authority
            .let_in(&key_of_alice, key().public(), &origin)
            .await;
        let refused = refused.unwrap_err();
        assert!(refused.message.contains("another account"), "{refused:?}");
        // A key has the name until its enrolment is removed.
        let by_provider = Vouched {
            caller: Caller::new(host(), [].into()),
            ..by_provider
        };
        let refused = authority
            .let_in(&by_provider, key().public(), &origin)
            .await;
        let refused = refused.unwrap_err();
        assert!(
            refused
                .hint
                .contains("jit enrolments remove workload/build-7"),
            "{refused:?}"
        );
        authority.unenrol(&admin, &host()).await.unwrap();
        let identity = by_provider.identity.clone().unwrap();
        let store = &authority.store;
        let pinned = store.pinned(&host(), &identity, clock::now()).await;
        assert_eq!(pinned, Ok(Pinned::New));
    });
}
