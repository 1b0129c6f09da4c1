//! `jit serve migrate`: a server on SQLite goes on, on PostgreSQL, and nobody notices.

use std::fs;

use jit::store::ledger::Verification;
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    Access, Postgres,
    home::{Ran, run},
    serve::{Keys, Serve, with_authority},
    web::{CATALOGUE, POLICIES},
};

fn migrate(server: &Serve) -> Ran {
    let mut command = server.home.jit(["serve", "migrate", "--config"]);
    run(command
        .arg(server.path(""))
        .args(["--to", "file:database.url"]))
}

/// The key that hosts trust, and the ledger.
fn known(server: &Serve) -> (String, Verification) {
    with_authority(&server.path(""), async |authority| {
        let name = "ssh/web".parse().unwrap();
        let key = authority.trust_ca(&name).await.unwrap();
        (key, authority.store.ledger().verify().await.unwrap())
    })
}

#[test]
fn a_server_goes_on_from_postgresql_with_its_ledger_its_keys_and_its_grants() {
    let Some(database) = Postgres::start(Access::default()) else {
        return;
    };
    let mut server = Serve::start(CATALOGUE, POLICIES);
    let guest = server.let_in("alice", &[]);
    let lease = Keys::new();
    let given = guest.ask("ssh/web:deploy", &lease);
    assert_eq!(given.status, 200, "{given:?}");
    let given: Value = given.json();
    let before = known(&server);

    refuses_while_it_runs(&server, &database);
    server.stop(Signal::TERM);
    server
        .home
        .write("server/database.url", &database.owner_url());
    let moved = migrate(&server);
    assert_eq!(moved.code, 0, "{moved:?}");
    assert!(
        moved.stderr.contains("were moved and verified"),
        "{moved:?}"
    );
    assert!(!server.path("state/ledger.db").exists());
    let (key, ledger) = known(&server);
    assert_eq!(key, before.0, "hosts trust the same key");
    let (
        Verification::Whole { entries, .. },
        Verification::Whole {
            entries: former, ..
        },
    ) = (ledger, before.1)
    else {
        panic!("it is not whole")
    };
    assert!(entries >= former);

    let text = fs::read_to_string(server.path("server.toml")).unwrap();
    let text = format!("database = \"file:database.url\"\n{text}");
    fs::write(server.path("server.toml"), text).unwrap();
    server.start_again();
    let guest = server.greet(&guest);
    assert_eq!(guest.get("/v1/session").status, 200, "the same session");
    let id = given["id"].as_str().unwrap();
    let renewed = guest.post(
        &format!("/v1/elevations/{id}/credential"),
        &lease.renewal(&given),
    );
    assert_eq!(renewed.status, 200, "under the same grant: {renewed:?}");
    refuses_a_second_time(&server);
}

/// There is somebody there already.
fn refuses_a_second_time(server: &Serve) {
    let aside = fs::read_dir(server.path("state")).unwrap();
    let aside = aside.map(|file| file.unwrap().path());
    let aside = aside.filter(|file| file.display().to_string().contains("migrated-"));
    let former: Vec<_> = aside.collect();
    assert_eq!(former.len(), 1, "{former:?}");
    fs::copy(&former[0], server.path("state/ledger.db")).unwrap();
    let again = migrate(server);
    assert_eq!(again.code, 125, "{again:?}");
    assert!(again.stderr.contains("holds a ledger already"), "{again:?}");
    assert!(server.path("state/ledger.db").exists());
}

/// Its database is named beside where `known` looks, until it is moved.
fn refuses_while_it_runs(server: &Serve, database: &Postgres) {
    server
        .home
        .write("server/elsewhere.url", &database.owner_url());
    let mut command = server.home.jit(["serve", "migrate", "--config"]);
    command
        .arg(server.path(""))
        .args(["--to", "file:elsewhere.url"]);
    let running = run(&mut command);
    assert_eq!(running.code, 125, "{running:?}");
    assert!(
        running.stderr.contains("a server is still using"),
        "{running:?}"
    );
}
