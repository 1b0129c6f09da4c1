//! A database of version 2, whose elevations nobody vouched for.

use std::{fs, os::unix::fs::PermissionsExt as _};

use jit::{
    domain::{event::Origin, failure::Nature},
    store::ledger::Verification,
};
use tempfile::TempDir;

use super::{NOW, Place, alice, asked, block_on, granted};
use crate::{
    ledger::{change, tamper},
    support::{
        Access, Postgres,
        home::run,
        web::{ask, web},
    },
    votes::team::{Team, still},
};

const TABLES: [&str; 2] = [
    include_str!("../../../src/store/schema/1.sql"),
    include_str!("../../../src/store/schema/2.sql"),
];

/// A SQLite file and a PostgreSQL database that nothing is in yet.
fn empty() -> Vec<Place> {
    let place = Place::Sqlite(TempDir::new().unwrap());
    let file = place.file();
    let state = file.parent().unwrap();
    fs::create_dir(state).unwrap();
    fs::set_permissions(state, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut places = vec![place];
    places.extend(Postgres::start(Access::default()).map(Place::Postgres));
    places
}

#[test]
fn whoever_holds_a_grant_of_version_2_asks_again() {
    for place in empty() {
        block_on(async {
            // The tables belong to whom jit comes as.
            let role = match &place {
                Place::Sqlite(_) => "",
                Place::Postgres(_) => "set role ledger;",
            };
            for sql in TABLES {
                place.tamper(&format!("{role} {sql}")).await;
            }
            let (held, pending) = (granted("ssh/web:deploy"), asked("ssh/web:root", None));
            let versions = "create table schema_version (version bigint not null primary key);
                 insert into schema_version values (1), (2)";
            place.tamper(&format!("{role} {versions}")).await;
            for one in [&held, &pending] {
                let (id, body) = (&one.request.id, serde_json::to_string(one).unwrap());
                let (state, until) = (one.state(NOW), i64::MAX);
                place
                    .tamper(&format!(
                        "insert into elevations
                             (id, class, principal, state, session, expires_at, settled, body)
                         values ('{id}', 'Human', 'alice', '{state}', '', {until}, 0, '{body}')"
                    ))
                    .await;
            }
            let team = Team::on(place, still).await;
            let who = team.client("alice", &["approvers"]).await;
            let (here, store) = (&team.here, &team.here.store);
            assert_eq!(store.elevations_of(&alice(), NOW).await, Ok(Vec::new()));
            assert_eq!(here.live(&alice()).await, Ok(Vec::new()));
            assert_eq!(here.to_approve(&who).await, Ok(Vec::new()));
            assert_eq!(here.tidy(&Origin::default()).await, Ok(0));
            let gone = here.end(&who, &held.request.id).await.unwrap_err();
            assert_eq!(gone.nature, Nature::Absent, "{gone:?}");
            let again = team.granted(&who, "deploy").await.grant.id;
            here.end(&who, &again).await.unwrap();
            let verified = store.ledger().verify().await.unwrap();
            assert!(matches!(verified, Verification::Whole { .. }));
        });
    }
}

#[test]
fn whoever_has_a_lease_of_then_goes_on_and_asks_again() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    tamper(&home, "delete from schema_version where version = 6");
    change(&home, "drop index events_by_name");
    change(&home, "alter table identities drop column vouched");
    tamper(&home, "delete from schema_version where version = 5");
    tamper(&home, "delete from schema_version where version = 4");
    change(&home, "drop index events_by_standing");
    change(&home, "alter table principals drop column vouched");
    tamper(&home, "delete from schema_version where version = 3");
    change(&home, "alter table events drop column vouched");
    change(&home, "alter table principals drop column attested_groups");
    change(&home, "drop table upgraded");
    change(&home, "drop table replicas");
    tamper(&home, "update elevations set body = substr(body, 45)");
    let works = |args: &[&str]| {
        let ran = run(&mut home.jit(args));
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        assert_eq!(ran.stderr, "", "{args:?}");
        ran.stdout
    };
    works(&["audit", "verify"]);
    assert!(works(&["status"]).contains("ssh/web:deploy"));
    assert_eq!(ask(&home).code, 0, "its credential works until it ends");
    assert_eq!(works(&["revoke", "--all"]), "nothing to revoke\n");
    works(&["forget", "--all"]);
    assert_eq!(ask(&home).code, 0);
    assert!(works(&["revoke", "--all"]).starts_with("revoked "));
}
