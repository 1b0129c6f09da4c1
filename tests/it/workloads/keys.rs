//! A host's own key: joined by a code once, replaced by presenting the old one, and what becomes of a
//! stolen one.

use jit::{
    authority::{
        Client,
        entrance::Vouched,
        workloads::{enrolment::Invitation, keys::code_hash},
    },
    domain::{
        event::{EventFilter, EventKind, Origin},
        failure::{Code, Result},
        key::PrivateKey,
        principal::{Caller, Class, Principal},
    },
    platform::{
        assertion::{Bound, Said, say},
        clock, keys,
    },
    policy::set::Policies,
};
use secrecy::ExposeSecret as _;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

use super::{Place, SERVER, block_on, why};

const SESSION: &str = "the-thumbprint-of-a-session's-key";
pub(super) const CODE: &str = "3f2a1b";

pub(super) fn key() -> PrivateKey {
    keys::generate().unwrap()
}

pub(super) fn host() -> Principal {
    Principal::new(Class::Workload, "build-7").unwrap()
}

/// Somebody in these groups.
pub(super) fn client(groups: &[&str]) -> Client {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let own = key().public();
    Client {
        caller: Caller::new(Principal::new(Class::Human, "alice").unwrap(), groups),
        origin: Origin::default(),
        holder: own,
        key: own,
        sessions: Vec::new(),
        proof: None,
        once: None,
        keeps_credential: false,
    }
}

/// Policies by which a group of people administers.
pub(super) fn administered() -> Policies {
    let policy = "permit (principal in Group::\"administrators\", \
         action == Action::\"administer\", resource);";
    Policies::parse(&[("a.cedar".to_owned(), policy.to_owned())]).unwrap()
}

pub(super) fn invitation(principal: Principal, code: &str, ttl: Duration) -> Invitation {
    Invitation {
        principal,
        groups: ["builders".to_owned()].into(),
        code: code_hash(code),
        until: clock::now().after(ttl),
    }
}

/// A place where build-7 is invited by [`CODE`].
pub(super) async fn invited() -> Place {
    let place = Place::new("", "workloads = []").await;
    let invitation = invitation(host(), CODE, Duration::from_mins(10));
    let made = place
        .authority
        .invite(None, &invitation, &Origin::default())
        .await;
    made.unwrap();
    place
}

/// What a host says that has that key, heard by the server.
pub(super) async fn says(place: &Place, key: &PrivateKey, said: Said) -> Result<Vouched> {
    let bound = Bound {
        server: SERVER,
        key: SESSION,
    };
    let text = say(key, &said, &bound, clock::now()).unwrap();
    let origin = Origin::default();
    let heard = place
        .authority
        .enrolled(text.expose_secret(), &bound, &origin);
    heard.await
}

pub(super) fn joining() -> Said {
    Said {
        code: Some(CODE.to_owned()),
        next: None,
    }
}

pub(super) fn replaced_by(next: &PrivateKey) -> Said {
    Said {
        code: None,
        next: Some(next.public()),
    }
}

/// The ledger's details of that kind.
pub(super) async fn recorded(place: &Place, kind: EventKind) -> Vec<String> {
    let all = EventFilter::default();
    let entries = place.authority.store.ledger().list(&all);
    let entries = entries.await.unwrap().into_iter();
    let of_kind = entries.filter(|entry| entry.event.kind == kind);
    of_kind.map(|entry| entry.event.detail.unwrap()).collect()
}

#[test]
fn a_host_joins_once_and_comes_by_its_key_from_then_on() {
    block_on(async {
        let place = invited().await;
        let own = key();
        let vouched = says(&place, &own, joining()).await.unwrap();
        assert_eq!(vouched.caller.principal, host());
        assert_eq!(vouched.source, "key");
        assert!(vouched.caller.groups.contains("builders"));
        assert!(says(&place, &own, Said::default()).await.is_ok());
        // The first answer was lost: the same code with the same key is the same host.
        assert!(says(&place, &own, joining()).await.is_ok());
        // Somebody else has the code too.
        let failure = why(says(&place, &key(), joining()).await);
        assert!(failure.message.contains("used already"), "{failure}");
        let alerts = recorded(&place, EventKind::Denied).await;
        assert!(
            alerts[0].contains("a join code that had been used"),
            "{alerts:?}"
        );
        assert_eq!(recorded(&place, EventKind::Enrolled).await.len(), 2);
    });
}

#[test]
fn of_two_hosts_at_once_one_joins() {
    block_on(async {
        let place = Arc::new(invited().await);
        let mut hosts = JoinSet::new();
        for _ in 0..8 {
            let place = Arc::clone(&place);
            hosts.spawn(async move { says(&place, &key(), joining()).await });
        }
        let all = hosts.join_all().await;
        let joined = all.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(joined, 1, "{all:?}");
        // An alert is recorded once an hour for each code, however often it is presented.
        assert_eq!(recorded(&place, EventKind::Denied).await.len(), 1);
    });
}

#[test]
fn a_used_join_code_is_recorded_once_an_hour_however_often_it_is_presented() {
    block_on(async {
        let place = invited().await;
        says(&place, &key(), joining()).await.unwrap();
        for _ in 0..50 {
            let failure = why(says(&place, &key(), joining()).await);
            assert!(failure.message.contains("used already"), "{failure}");
        }
        let alerts = recorded(&place, EventKind::Denied).await;
        // The hour may end in between.
        assert!((1..=2).contains(&alerts.len()), "{alerts:?}");
    });
}

#[test]
fn a_code_that_expired_or_was_made_up_lets_nobody_in() {
    block_on(async {
        let place = Place::new("", "workloads = []").await;
        let over = invitation(host(), CODE, Duration::ZERO);
        let made = place
            .authority
            .invite(None, &over, &Origin::default())
            .await;
        made.unwrap();
        let failure = why(says(&place, &key(), joining()).await);
        assert!(failure.message.contains("expired"), "{failure}");
        let said = Said {
            code: Some("guess".to_owned()),
            next: None,
        };
        let failure = why(says(&place, &key(), said).await);
        assert_eq!(failure.code, Code::Denied);
        why(says(&place, &key(), Said::default()).await);
        // Said for another session's key, by whoever copied it.
        let bound = Bound {
            server: SERVER,
            key: "another",
        };
        let text = say(&key(), &joining(), &bound, clock::now()).unwrap();
        let heard = Bound {
            key: SESSION,
            ..bound
        };
        let origin = Origin::default();
        let heard = place
            .authority
            .enrolled(text.expose_secret(), &heard, &origin)
            .await;
        assert_eq!(why(heard).code, Code::SignIn);
    });
}

#[test]
fn a_key_is_replaced_though_the_answer_is_lost_and_the_old_one_is_an_alarm() {
    block_on(async {
        let place = invited().await;
        let (old, new) = (key(), key());
        says(&place, &old, joining()).await.unwrap();
        // The answer is dropped; the host says the same again, as often as it takes.
        drop(says(&place, &old, replaced_by(&new)).await);
        for _ in 0..3 {
            assert!(says(&place, &old, replaced_by(&new)).await.is_ok());
        }
        // Replaced, it is good for that alone.
        why(says(&place, &old, Said::default()).await);
        assert!(says(&place, &new, Said::default()).await.is_ok());
        // Whoever still has the old one is not the host.
        for said in [
            replaced_by(&new),
            Said::default(),
            replaced_by(&key()),
            joining(),
        ] {
            let failure = why(says(&place, &old, said).await);
            assert!(failure.message.contains("replaced"), "{failure}");
        }
        let alerts = recorded(&place, EventKind::Denied).await;
        // Once an hour, however often it is presented.
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert!(
            alerts[0].contains("after it had been replaced"),
            "{alerts:?}"
        );
        assert!(says(&place, &new, Said::default()).await.is_ok());
    });
}

#[test]
fn a_thief_who_replaces_the_key_first_is_found_out_by_the_host() {
    block_on(async {
        let place = invited().await;
        let stolen = key();
        says(&place, &stolen, joining()).await.unwrap();
        says(&place, &stolen, replaced_by(&key())).await.unwrap();
        why(says(&place, &stolen, replaced_by(&key())).await);
        assert_eq!(recorded(&place, EventKind::Denied).await.len(), 1);
        // A key that somebody else has is no new key.
        let place = invited().await;
        let (one, other) = (key(), key());
        says(&place, &one, joining()).await.unwrap();
        let second = Principal::new(Class::Workload, "build-8").unwrap();
        let second = invitation(second, "other", Duration::from_mins(1));
        let made = place
            .authority
            .invite(None, &second, &Origin::default())
            .await;
        made.unwrap();
        let said = Said {
            code: Some("other".to_owned()),
            next: None,
        };
        says(&place, &other, said).await.unwrap();
        why(says(&place, &other, replaced_by(&one)).await);
        let still = says(&place, &other, Said::default()).await.unwrap();
        assert_eq!(still.caller.principal.name(), "build-8");
    });
}

#[test]
fn nobody_comes_by_the_name_of_an_enrolled_key_whatever_configuration_says_by_now() {
    block_on(async {
        let place = invited().await;
        let own = key();
        let host = says(&place, &own, joining()).await.unwrap();
        let origin = Origin::default();
        let enter = |vouched| {
            let (place, origin) = (&place, &origin);
            async move {
                let holder = key().public();
                place.authority.let_in(&vouched, holder, origin).await
            }
        };
        enter(host.clone()).await.unwrap();
        let namesake = Vouched {
            source: "https://ci.example.com".to_owned(),
            ..host
        };
        let failure = enter(namesake).await.unwrap_err();
        assert_eq!(failure.code, Code::Denied, "{failure}");
        assert!(failure.message.contains("an enrolled key"), "{failure}");
    });
}

#[test]
fn only_administrators_enrol_and_remove_and_nobody_takes_anothers_name() {
    block_on(async {
        let workloads = "[[workloads]]\nname = 'app'\nkind = 'github'\nprincipal = 'gh-{repository_id}'\n\
             match = { repository_id = '74' }\n";
        let mut place = Place::new("", workloads).await;
        place.authority.policies = administered();
        let wanted = invitation(host(), CODE, Duration::from_mins(10));
        let (authority, known) = (&place.authority, &place.workloads);
        let (admin, mallory) = (client(&["administrators"]), client(&["dev"]));
        let failure = authority.enrol(known, &mallory, &wanted).await.unwrap_err();
        assert_eq!(failure.code, Code::Denied);
        assert!(authority.enrolments(&mallory).await.is_err());
        authority.enrol(known, &admin, &wanted).await.unwrap();
        // The answer was lost: the same once more.
        authority.enrol(known, &admin, &wanted).await.unwrap();
        let another = invitation(host(), "other", Duration::from_mins(10));
        let failure = authority.enrol(known, &admin, &another).await.unwrap_err();
        assert!(failure.message.contains("enrolled already"), "{failure}");
        for name in ["gh-74", "gh-1"] {
            let twin = Principal::new(Class::Workload, name).unwrap();
            let twin = invitation(twin, "twin", Duration::from_mins(1));
            let failure = authority.enrol(known, &admin, &twin).await.unwrap_err();
            assert_eq!(failure.code, Code::Usage, "{failure}");
        }
        let person = Principal::new(Class::Human, "alice").unwrap();
        let person = invitation(person, "person", Duration::from_mins(1));
        assert!(authority.enrol(known, &admin, &person).await.is_err());
        let own = key();
        says(&place, &own, joining()).await.unwrap();
        assert_eq!(authority.enrolments(&admin).await.unwrap().len(), 1);
        assert!(authority.unenrol(&mallory, &host()).await.is_err());
        authority.unenrol(&admin, &host()).await.unwrap();
        why(says(&place, &own, Said::default()).await);
        assert!(authority.unenrol(&admin, &host()).await.is_err());
    });
}
