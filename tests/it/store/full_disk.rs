//! Disks that fill up, become read-only or lose the ledger's log: writes fail, the server says that it is not
//! ready, and goes on once there is space again.

use std::{fs, path::Path};

use jit::store::ledger::Verification;
use rustix::process::Signal;

use crate::support::{
    Access, Home, Postgres, Serve,
    disk::Disk,
    serve::{Guest, Keys, with_authority},
    until,
    web::{CATALOGUE, POLICIES},
};

/// A server whose state is on that disk.
fn serve_on(disk: &Disk) -> Serve {
    let home = Home::new();
    disk.link_from(&home.path("server/state"));
    Serve::start_in(home, CATALOGUE, POLICIES, "")
}

fn ask(guest: &Guest) -> u16 {
    guest.ask("ssh/web:deploy", &Keys::new()).status
}

/// Nothing is granted, and the probe for traffic says so.
fn fails(serve: &Serve, guest: &Guest) {
    until("a write that fails", || (ask(guest) >= 500).then_some(()));
    let probe = until("a server that is not ready", || {
        let probe = serve.site().get("/readyz");
        (probe.status != 200).then_some(probe)
    });
    assert_eq!(probe.status, 503, "{probe:?}");
    assert_eq!(probe.json()["type"], "urn:jit:away");
    assert_eq!(serve.site().get("/healthz").status, 200);
    assert!(ask(guest) >= 500, "it goes on failing");
}

/// It goes on by itself, with one whole ledger.
fn recovers(serve: &Serve, guest: &Guest) {
    until("a server that is ready again", || {
        (serve.site().get("/readyz").status == 200).then_some(())
    });
    for _ in 0..3 {
        assert_eq!(ask(guest), 200);
    }
    assert!(entries(&serve.path("")) > 3);
}

fn entries(directory: &Path) -> i64 {
    let verified = with_authority(directory, async |authority| {
        authority.store.ledger().verify().await.unwrap()
    });
    let Verification::Whole { entries, .. } = verified else {
        panic!("{verified:?}")
    };
    entries
}

#[test]
fn a_server_whose_disk_was_full_goes_on_once_there_is_space() {
    let Some(disk) = Disk::in_memory(4) else {
        return;
    };
    let serve = serve_on(&disk);
    let guest = serve.let_in("alice", &[]);
    assert_eq!(ask(&guest), 200);
    for _ in 0..2 {
        disk.fill();
        fails(&serve, &guest);
        disk.free();
        recovers(&serve, &guest);
    }
}

#[test]
fn a_server_whose_disk_became_read_only_grants_nothing_and_loses_nothing() {
    let Some(disk) = Disk::ext4(16) else {
        return;
    };
    let mut serve = serve_on(&disk);
    let guest = serve.let_in("alice", &[]);
    assert_eq!(ask(&guest), 200);
    let before = entries(&serve.path(""));
    disk.fail();
    fails(&serve, &guest);
    serve.stop(Signal::TERM);
    disk.repair();
    serve.start_again();
    assert!(entries(&serve.path("")) >= before);
    recovers(&serve, &serve.greet(&guest));
}

#[test]
fn a_server_whose_log_was_removed_grants_nothing_and_loses_nothing() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    let guest = serve.let_in("alice", &[]);
    assert_eq!(ask(&guest), 200);
    let before = entries(&serve.path(""));
    fs::remove_file(serve.path("state/ledger.db-wal")).unwrap();
    fails(&serve, &guest);
    assert!(serve.log().contains("was removed while it was in use"));
    serve.stop(Signal::TERM);
    serve.start_again();
    assert!(entries(&serve.path("")) >= before);
    assert_eq!(ask(&serve.greet(&guest)), 200);
}

#[test]
fn a_server_goes_on_once_its_postgresql_has_space() {
    let Some(disk) = Disk::in_memory(16) else {
        return;
    };
    let Some(database) = Postgres::start(Access::default()) else {
        return;
    };
    database.keep_ledger_in(disk.path());
    let serve = Serve::start_on(&database.owner_url(), CATALOGUE, POLICIES);
    let guest = serve.let_in("alice", &[]);
    assert_eq!(ask(&guest), 200);
    disk.fill();
    fails(&serve, &guest);
    disk.free();
    recovers(&serve, &guest);
}
