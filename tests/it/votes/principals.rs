//! An attacker with write access to the database, and without its sealing key, neither becomes an administrator
//! nor comes in again by the row of a principal.

use std::sync::atomic::{AtomicI64, Ordering};

use jit::{
    authority::{Client, principals::Offboarding, sessions::Leave},
    domain::{
        failure::{Code, Result},
        known::Known,
        principal::Principal,
        time::Timestamp,
    },
    store::ending::Ending,
};

use super::team::{Team, client, run, still};
use crate::store::Place;

fn off(who: &str) -> Offboarding {
    Offboarding {
        who: Principal::parse(who).unwrap(),
        why: "has left".to_owned(),
        forced: true,
    }
}

async fn teams() -> Vec<Team> {
    let mut teams = Vec::new();
    for place in Place::both() {
        teams.push(Team::on(place, still).await);
    }
    teams
}

/// What the next request of a client's session finds of it.
async fn next(team: &Team, of: &Client) -> Result<Vec<Client>> {
    let line = team.there.store.standing_line(&of.sessions[0].id, still());
    let line: Vec<_> = line
        .await?
        .into_iter()
        .map(|(session, _)| session)
        .collect();
    let clients = (!line.is_empty()).then(|| client(line));
    Ok(clients.into_iter().collect())
}

#[test]
fn groups_that_somebody_wrote_into_the_row_of_a_principal_are_refused() {
    run(async {
        for team in teams().await {
            let root = team.client("root", &["administrators"]).await;
            let laptop = team.client("mallory", &["administrators"]).await;
            let counted = || team.here.store.refused_rows().get();
            assert_eq!(counted(), 0);
            // The provider took the group away.
            team.client("mallory", &["dev"]).await;
            for sql in [
                "update principals set attested_groups = '[\"administrators\"]' where name = 'mallory'",
                "update principals set attested_groups = '' where name = 'mallory'",
                "update principals set vouched = (select vouched from principals where name = 'root'),
                     attested_groups = '[\"administrators\"]' where name = 'mallory'",
            ] {
                team.place.tamper(sql).await;
                let refused = next(&team, &laptop).await.unwrap_err();
                assert!(
                    refused.message.contains("the principal mallory is not believed"),
                    "{sql}: {refused:?}"
                );
                // The others go on, and the list is without that row.
                let listed = team.here.principals(&root).await.unwrap();
                let names: Vec<_> = listed.iter().map(|one| one.caller.principal.name()).collect();
                assert_eq!(names, ["root"], "{sql}");
                assert!(counted() > 0, "operators are alerted");
                // Signing in again writes it anew.
                team.client("mallory", &["dev"]).await;
                let again = next(&team, &laptop).await.unwrap();
                assert!(again[0].caller.groups.is_empty(), "{sql}");
            }
        }
    });
}

#[test]
fn a_body_that_somebody_wrote_gives_a_principal_no_group() {
    run(async {
        for team in teams().await {
            let root = team.client("root", &["administrators"]).await;
            team.client("mallory", &["dev"]).await;
            let copy = "update principals set body = replace(body, '\"dev\"', '\"administrators\"')
                 where name = 'mallory'";
            team.place.tamper(copy).await;
            let who = Principal::parse("mallory").unwrap();
            let refused = team.there.store.principal(&who, still()).await.unwrap_err();
            assert!(refused.message.contains("not believed"), "{refused:?}");
            // She counts for nobody who could administer.
            let alone = Offboarding {
                forced: false,
                ..off("root")
            };
            let refused = team.here.disable(&root, &alone).await.unwrap_err();
            assert_eq!(refused.code, Code::Denied, "{refused:?}");
        }
    });
}

static CLOCK: AtomicI64 = AtomicI64::new(1_800_000_000);

fn ticking() -> Timestamp {
    Timestamp::from_secs(CLOCK.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn whoever_was_disabled_stays_so_whatever_the_row_says() {
    run(async {
        for place in Place::both() {
            let team = Team::on(place, ticking).await;
            let root = team.client("root", &["administrators"]).await;
            let mallory = team.client("mallory", &["administrators"]).await;
            let kept = "create table kept as select * from principals where name = 'mallory'";
            team.place.tamper(kept).await;
            team.here.disable(&root, &off("mallory")).await.unwrap();
            for sql in [
                "update principals set disabled_at = 0 where name = 'mallory'",
                "delete from principals where name = 'mallory'",
                // As it was once, with its codes.
                "insert into principals select * from kept",
            ] {
                team.place.tamper(sql).await;
                team.place.tamper("update sessions set ended_at = 0").await;
                assert!(next(&team, &mallory).await.unwrap().is_empty(), "{sql}");
                let refused = team.try_client("mallory", &["administrators"]).await;
                let refused = refused.unwrap_err();
                assert!(
                    refused.message.contains("was disabled"),
                    "{sql}: {refused:?}"
                );
            }
            let listed = team.here.principals(&root).await.unwrap();
            let of_mallory = |one: &&Known| one.caller.principal.name() == "mallory";
            let one = listed.iter().find(of_mallory).unwrap();
            assert!(one.disabled_at.is_some());
            let who = Principal::parse("mallory").unwrap();
            team.here.enable(&root, &who, "is back").await.unwrap();
            let again = team.client("mallory", &[]).await;
            assert_eq!(next(&team, &again).await.unwrap().len(), 1);
            // What ended with the disabling does not come back.
            team.place.tamper("update sessions set ended_at = 0").await;
            assert!(next(&team, &mallory).await.unwrap().is_empty());
        }
    });
}

#[test]
fn a_demotion_stays_whatever_older_row_somebody_puts_back() {
    run(async {
        for place in Place::both() {
            let team = Team::on(place, ticking).await;
            team.client("root", &["administrators"]).await;
            let laptop = team.client("mallory", &["administrators"]).await;
            let keep = "create table kept as select * from principals where name = 'mallory'";
            team.place.tamper(keep).await;
            team.client("mallory", &["dev"]).await;
            let remove = "delete from principals where name = 'mallory'";
            team.place.tamper(remove).await;
            let back = "insert into principals select * from kept";
            team.place.tamper(back).await;
            let refused = next(&team, &laptop).await.unwrap_err();
            let named = "is not the one that this authority wrote last";
            assert!(refused.message.contains(named), "{refused:?}");
            let who = Principal::parse("mallory").unwrap();
            assert!(team.there.store.principal(&who, ticking()).await.is_err());
            // Its time says that it is the newest one.
            let later = "update principals set attested_at = (
                     select max(at) from events where principal = 'mallory' and kind = 'signed-in')
                 where name = 'mallory'";
            team.place.tamper(later).await;
            let refused = next(&team, &laptop).await.unwrap_err();
            assert!(
                refused.message.contains("was not written by"),
                "{refused:?}"
            );
            team.client("mallory", &["dev"]).await;
            let again = next(&team, &laptop).await.unwrap();
            assert!(again[0].caller.groups.is_empty());
        }
    });
}

#[test]
fn a_session_that_was_ended_is_over_whatever_its_row_says() {
    run(async {
        for team in teams().await {
            let alice = team.client("alice", &[]).await;
            let other = team.client("alice", &[]).await;
            let leave = Leave::by(Ending::Session(alice.sessions[0].id.clone()));
            team.here.close_session(&alice, &leave).await.unwrap();
            team.place.tamper("update sessions set ended_at = 0").await;
            assert!(next(&team, &alice).await.unwrap().is_empty());
            assert_eq!(next(&team, &other).await.unwrap().len(), 1);
        }
    });
}

#[test]
fn a_principal_of_the_same_name_and_another_class_is_not_disabled_with_it() {
    run(async {
        for team in teams().await {
            let root = team.client("root", &["administrators"]).await;
            team.client("ci", &[]).await;
            team.client("workload/ci", &[]).await;
            team.here.disable(&root, &off("ci")).await.unwrap();
            team.client("workload/ci", &[]).await;
            assert!(team.try_client("ci", &[]).await.is_err());
        }
    });
}

#[test]
fn a_row_of_before_codes_is_nobodys_until_they_sign_in_again() {
    run(async {
        for team in teams().await {
            let alice = team.client("alice", &["administrators"]).await;
            team.place
                .tamper("update principals set vouched = ''")
                .await;
            let line = team
                .there
                .store
                .standing_line(&alice.sessions[0].id, still())
                .await
                .unwrap();
            assert!(line[0].1.is_none());
            let who = Principal::parse("alice").unwrap();
            let known = team
                .there
                .store
                .principal(&who, still())
                .await
                .unwrap()
                .unwrap();
            assert!(known.caller.groups.is_empty());
            team.client("alice", &["administrators"]).await;
            let line = team
                .there
                .store
                .standing_line(&alice.sessions[0].id, still())
                .await
                .unwrap();
            assert!(line[0].1.is_some());
        }
    });
}
