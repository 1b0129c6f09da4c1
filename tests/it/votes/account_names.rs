//! An attacker with write access to the database, and without its sealing key, gives the name of a person to no
//! other account.

use std::sync::atomic::{AtomicI64, Ordering};

use jit::{
    authority::{Client, entrance::Vouched, principals::Offboarding},
    domain::{
        event::{EventKind, Origin},
        failure::{Code, Failure, Result},
        principal::{Caller, Principal},
        time::Timestamp,
    },
    platform::keys,
    store::{
        identities::{Identity, Pinned},
        rotate::Rotation,
    },
};

use super::team::{Team, run};
use crate::store::{Place, id, plain};

const ISSUER: &str = "https://id.example.com";

static CLOCK: AtomicI64 = AtomicI64::new(1_800_000_000);

fn ticking() -> Timestamp {
    Timestamp::from_secs(CLOCK.fetch_add(1, Ordering::Relaxed))
}

async fn teams() -> Vec<Team> {
    let mut teams = Vec::new();
    for place in Place::both() {
        teams.push(Team::on(place, ticking).await);
    }
    teams
}

/// An account of the provider that comes by a name.
async fn comes(team: &Team, name: &str, subject: &str) -> Result<()> {
    let who = Principal::parse(name).unwrap();
    let vouched = Vouched {
        caller: Caller::new(who, [].into()),
        source: ISSUER.to_owned(),
        identity: Some(Identity {
            source: ISSUER.to_owned(),
            subject: subject.to_owned(),
        }),
        provider_session: None,
        once: None,
        since: ticking(),
        enrolled: None,
        notes: Vec::new(),
    };
    let holder = keys::generate().unwrap().public();
    let origin = Origin::default();
    team.here.let_in(&vouched, holder, &origin).await.map(drop)
}

async fn frees(team: &Team, root: &Client, name: &str) {
    let who = Principal::parse(name).unwrap();
    let off = Offboarding {
        who: who.clone(),
        why: "has left".to_owned(),
        forced: true,
    };
    team.here.disable(root, &off).await.unwrap();
    team.here.enable(root, &who, "is back").await.unwrap();
}

fn is_not_believed(refused: &Failure, why: &str) {
    assert_eq!(refused.code, Code::Failed, "{why}: {refused:?}");
    let named = "the account of the name alice is not believed";
    assert!(refused.message.contains(named), "{why}: {refused:?}");
    assert!(
        refused.hint.contains("jit principals enable alice"),
        "{why}"
    );
}

#[test]
fn a_name_that_somebody_gave_to_another_account_in_the_database_lets_nobody_in() {
    run(async {
        for team in teams().await {
            let root = team.client("root", &["administrators"]).await;
            comes(&team, "alice", "1").await.unwrap();
            comes(&team, "bob", "2").await.unwrap();
            let keep = "create table kept as select * from identities";
            team.place.tamper(keep).await;
            for sql in [
                "update identities set subject = '666' where name = 'alice'",
                "update identities set vouched = '' where name = 'alice'",
                "update identities set subject = '666', vouched = '' where name = 'alice'",
                "update identities set subject = '666',
                     vouched = (select vouched from kept where name = 'bob') where name = 'alice'",
                "update identities set source = 'key' where name = 'alice'",
            ] {
                team.place.tamper(sql).await;
                for subject in ["666", "1"] {
                    let refused = comes(&team, "alice", subject).await.unwrap_err();
                    is_not_believed(&refused, sql);
                }
                comes(&team, "bob", "2").await.unwrap();
                team.place.tamper("delete from identities").await;
                let again = "insert into identities select * from kept";
                team.place.tamper(again).await;
                comes(&team, "alice", "1").await.unwrap();
            }
            assert!(team.here.store.refused_rows().get() >= 10);
            // The hint helps.
            let forge = "update identities set subject = '666' where name = 'alice'";
            team.place.tamper(forge).await;
            frees(&team, &root, "alice").await;
            comes(&team, "alice", "1").await.unwrap();
            let refused = comes(&team, "alice", "666").await.unwrap_err();
            assert_eq!(refused.code, Code::Denied, "{refused:?}");
        }
    });
}

#[test]
fn a_name_whose_row_somebody_removed_is_still_that_of_its_account() {
    run(async {
        for team in teams().await {
            comes(&team, "alice", "1").await.unwrap();
            let remove = "delete from identities where name = 'alice'";
            team.place.tamper(remove).await;
            let refused = comes(&team, "alice", "666").await.unwrap_err();
            is_not_believed(&refused, remove);
            comes(&team, "alice", "1").await.unwrap();
            let refused = comes(&team, "alice", "666").await.unwrap_err();
            assert_eq!(refused.code, Code::Denied, "its row is back: {refused:?}");
            // A workload of the same name has nothing to do with it.
            let workload = Principal::parse("workload/alice").unwrap();
            let key = Identity {
                source: "key".to_owned(),
                subject: "alice".to_owned(),
            };
            let pinned = team.here.store.pinned(&workload, &key, ticking()).await;
            assert_eq!(pinned, Ok(Pinned::New));
        }
    });
}

#[test]
fn an_old_row_of_a_name_that_another_account_has_by_now_is_refused() {
    run(async {
        for team in teams().await {
            let root = team.client("root", &["administrators"]).await;
            comes(&team, "alice", "1").await.unwrap();
            let keep = "create table kept as select * from identities where name = 'alice'";
            team.place.tamper(keep).await;
            frees(&team, &root, "alice").await;
            let back = "delete from identities where name = 'alice'; insert into identities select * from kept";
            team.place.tamper(back).await;
            let refused = comes(&team, "alice", "1").await.unwrap_err();
            is_not_believed(&refused, "freed, and put back");
            let remove = "delete from identities where name = 'alice'";
            team.place.tamper(remove).await;
            comes(&team, "alice", "2").await.unwrap();
            team.place.tamper(back).await;
            let refused = comes(&team, "alice", "1").await.unwrap_err();
            is_not_believed(&refused, "given to another account, and put back");
        }
    });
}

/// Closes both replicas.
async fn left(team: Team) -> Place {
    team.here.store.close().await;
    team.there.store.close().await;
    team.place
}

/// Takes the layout back to version 5, as an attacker does who knows it.
async fn to_version_5(place: &Place) {
    for sql in [
        "drop index events_by_name",
        "alter table identities drop column vouched",
        "delete from schema_version where version > 5",
    ] {
        place.tamper(sql).await;
    }
}

#[test]
fn names_of_before_codes_stay_with_their_accounts() {
    run(async {
        for team in teams().await {
            comes(&team, "alice", "1").await.unwrap();
            let place = left(team).await;
            // As version 5 left it: no event says to which account a name belongs.
            place.tamper("delete from events").await;
            to_version_5(&place).await;
            let team = Team::on(place, ticking).await;
            let refused = comes(&team, "alice", "666").await.unwrap_err();
            assert_eq!(refused.code, Code::Denied, "{refused:?}");
            comes(&team, "alice", "1").await.unwrap();
        }
    });
}

#[test]
fn names_are_not_vouched_for_a_second_time_by_taking_the_schema_back() {
    run(async {
        for team in teams().await {
            comes(&team, "alice", "1").await.unwrap();
            let place = left(team).await;
            to_version_5(&place).await;
            let forge = "update identities set subject = '666' where name = 'alice'";
            place.tamper(forge).await;
            let team = Team::on(place, ticking).await;
            let refused = comes(&team, "alice", "666").await.unwrap_err();
            is_not_believed(&refused, forge);
        }
    });
}

#[test]
fn names_stay_with_their_accounts_after_the_key_of_rows_was_in_other_hands() {
    run(async {
        for team in teams().await {
            comes(&team, "alice", "1").await.unwrap();
            let now = ticking();
            let rotation = Rotation {
                purpose: "rows",
                now,
                starts_at: now,
                compromised: true,
            };
            let event = plain(EventKind::Rotated, id());
            team.here.store.rotate(&rotation, event).await.unwrap();
            let refused = comes(&team, "alice", "666").await.unwrap_err();
            is_not_believed(&refused, "rotated");
            comes(&team, "alice", "1").await.unwrap();
        }
    });
}
