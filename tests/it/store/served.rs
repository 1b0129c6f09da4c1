//! A served store over its life: checkpoints for others to keep, copies, old copies put back, new keys.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, thread};

use jit::domain::event::{EventFilter, EventKind};
use rustix::process::Signal;
use serde_json::Value;

use super::block_on;
use crate::support::{
    Access, Postgres,
    home::Ran,
    run,
    serve::{Keys, Serve, with_authority},
    until,
    web::{CATALOGUE, POLICIES},
};

/// A verb of the server in its directory.
fn serve(server: &Serve, args: &[&str]) -> Ran {
    let mut command = server.home.jit(["serve", "--config"]);
    run(command.arg(server.path("")).args(args))
}

/// A server with a session and an elevation in it.
fn used() -> Serve {
    let server = Serve::start(CATALOGUE, POLICIES);
    let guest = server.let_in("alice", &[]);
    assert_eq!(guest.ask("ssh/web:deploy", &Keys::new()).status, 200);
    server
}

/// Starts a server that is to refuse: it ends by itself.
fn refused(server: &Serve) -> Ran {
    let ran = serve(server, &[]);
    assert_eq!(ran.code, 125, "{ran:?}");
    ran
}

fn copy_of(server: &Serve, name: &str) -> String {
    let file = server.home.path(name).display().to_string();
    let ran = serve(server, &["backup", &file]);
    assert_eq!(ran.code, 0, "{ran:?}");
    file
}

fn events(server: &Serve, kind: EventKind) -> Vec<String> {
    let filter = EventFilter {
        kind: Some(kind),
        ..EventFilter::default()
    };
    let found = with_authority(&server.path(""), async |authority| {
        authority.store.ledger().list(&filter).await.unwrap()
    });
    found
        .into_iter()
        .map(|entry| entry.event.detail.unwrap_or_default())
        .collect()
}

#[test]
fn checkpoints_are_there_for_whoever_wants_to_keep_them() {
    let mut server = used();
    server.stop(Signal::TERM);
    server.start_again();
    // Nobody needs to sign in for that.
    let answer = server.site().get("/v1/checkpoints");
    assert_eq!(answer.status, 200, "{answer:?}");
    let page: Value = serde_json::from_slice(&answer.body).unwrap();
    let one = &page["checkpoints"][0];
    let note = one["note"].as_str().unwrap();
    assert!(
        note.starts_with(&format!("jit-ledger\n{}\n", one["seq"])),
        "{note}"
    );
    let key = page["keys"][0].as_str().unwrap();
    assert!(key.starts_with("jit-ledger+"), "{key}");
    let kept = fs::read_to_string(server.path("state/checkpoint")).unwrap();
    assert_eq!(kept, note, "the replica keeps it too");
    let after = server
        .site()
        .get(&format!("/v1/checkpoints?after={}", one["seq"]));
    let after: Value = serde_json::from_slice(&after.body).unwrap();
    assert_eq!(after["checkpoints"], serde_json::json!([]));
    let wrong = server.site().get("/v1/checkpoints?after=x");
    assert_eq!(wrong.status, 400, "{wrong:?}");
}

#[test]
fn replicas_that_start_together_are_one_authority() {
    let Some(database) = Postgres::start(Access::default()) else {
        return;
    };
    let url = database.owner_url();
    let mut replicas: Vec<Serve> = thread::scope(|threads| {
        let start = || Serve::start_on(&url, CATALOGUE, POLICIES);
        let starting = [(); 3].map(|()| threads.spawn(start));
        starting.map(|one| one.join().unwrap()).into()
    });
    let guest = replicas[0].let_in("alice", &[]);
    for replica in &replicas {
        let here = replica.greet(&guest);
        assert_eq!(
            here.get("/v1/session").status,
            200,
            "a session is everywhere"
        );
        assert_eq!(here.ask("ssh/web:deploy", &Keys::new()).status, 200);
    }
    let ran = serve(&replicas[1], &["rotate", "session"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    replicas[0].stop(Signal::KILL);
    let newcomer = replicas[1].let_in("bob", &[]);
    until("the new key at the other replica", || {
        (replicas[2].greet(&newcomer).get("/v1/session").status == 200).then_some(())
    });
    // A database that lost its end is noticed by each replica that knew better.
    for replica in &mut replicas[1..] {
        replica.stop(Signal::TERM);
    }
    let cut = "delete from events where seq = (select max(seq) from events)";
    drop(database.psql_in("ledger", cut));
    drop(database.psql_in("ledger", "delete from checkpoints"));
    let ran = refused(&replicas[2]);
    assert!(
        ran.stderr.contains("it is an old copy, or lost its end"),
        "{ran:?}"
    );
    accept(&replicas[2]);
    // It was answered for once, which the others see.
    replicas[0].start_again();
    replicas[1].start_again();
}

#[test]
fn an_old_copy_is_put_back_only_by_somebody_who_answers_for_it() {
    let mut server = used();
    let copy = copy_of(&server, "copy.db");
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let twice = serve(&server, &["backup", &copy]);
    assert!(twice.stderr.contains("name another file"), "{twice:?}");
    let in_use = serve(&server, &["restore", &copy]);
    assert_eq!(in_use.code, 125, "{in_use:?}");
    assert!(
        in_use.stderr.contains("a server is still using"),
        "{in_use:?}"
    );

    server.let_in("bob", &[]);
    server.stop(Signal::TERM);
    let restored = serve(&server, &["restore", &copy]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(
        restored
            .stderr
            .contains("it is an old copy, or lost its end"),
        "{restored:?}"
    );
    let ran = refused(&server);
    assert!(
        ran.stderr.contains("it is an old copy, or lost its end"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("jit serve --accept-loss"), "{ran:?}");
    assert!(events(&server, EventKind::LossAccepted).is_empty());

    accept(&server);
    let answered = events(&server, EventKind::LossAccepted);
    assert!(answered[0].contains("it is an old copy"), "{answered:?}");
    // Once it was answered for, it goes on as it is.
    server.start_again();
    assert_eq!(server.let_in("carol", &[]).get("/v1/session").status, 200);
    server.stop(Signal::TERM);
    let aside = fs::read_dir(server.path("state")).unwrap();
    let aside = aside.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("ledger.db.before-")
    });
    assert_eq!(aside.count(), 1, "what was there is kept");
}

#[test]
fn a_server_starts_on_an_entry_that_somebody_else_wrote_only_where_somebody_answers_for_it() {
    let mut server = used();
    server.stop(Signal::TERM);
    let file = server.path("state/ledger.db");
    block_on(async {
        let url = format!("sqlite://{}", file.display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let forged = "update events set vouched = '' where seq = (select max(seq) from events)";
        sqlx::raw_sql(forged).execute(&pool).await.unwrap();
        pool.close().await;
    });
    let ran = refused(&server);
    assert!(
        ran.stderr.contains("was not written by this authority"),
        "{ran:?}"
    );
    accept(&server);
    let answered = events(&server, EventKind::LossAccepted);
    assert!(answered[0].contains("was not written by"), "{answered:?}");
    server.start_again();
    assert_eq!(server.let_in("bob", &[]).get("/v1/session").status, 200);
}

/// Starts a server that takes the database as it is, and ends it again.
fn accept(server: &Serve) {
    let mut command = server.home.jit(["serve", "--accept-loss", "--config"]);
    command.arg(server.path(""));
    command.stderr(fs::File::create(server.home.path("accepted")).unwrap());
    let mut child = command.spawn().unwrap();
    until("a server", || {
        let log = fs::read_to_string(server.home.path("accepted")).unwrap();
        log.contains("jit: serving").then_some(())
    });
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_copy_that_is_broken_or_sealed_with_another_key_is_refused() {
    let mut server = used();
    let copy = copy_of(&server, "copy.db");
    server.stop(Signal::TERM);
    let before = fs::read(server.path("state/ledger.db")).unwrap();
    fs::write(
        server.home.path("broken.db"),
        "this is no database, however long",
    )
    .unwrap();
    private(&server.home.path("broken.db"));
    let broken = server.home.path("broken.db").display().to_string();
    let ran = serve(&server, &["restore", &broken]);
    assert_eq!(ran.code, 125, "{ran:?}");
    fs::rename(
        server.path("state/sealing.key"),
        server.home.path("kept.key"),
    )
    .unwrap();
    let ran = serve(&server, &["restore", &copy]);
    assert!(
        ran.stderr.contains("the database was sealed with"),
        "{ran:?}"
    );
    fs::rename(
        server.home.path("kept.key"),
        server.path("state/sealing.key"),
    )
    .unwrap();
    assert_eq!(fs::read(server.path("state/ledger.db")).unwrap(), before);
    let absent = serve(&server, &["restore", "nothing.db"]);
    assert_eq!(absent.code, 2, "{absent:?}");
    let ran = serve(&server, &["restore", &copy]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let left = fs::read_dir(server.path("state")).unwrap();
    let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    let unfinished = left
        .iter()
        .filter(|name| name.to_string_lossy().contains("restoring"));
    assert_eq!(unfinished.count(), 0, "{left:?}");
    server.start_again();
}

fn private(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn keys_are_replaced_under_a_running_server() {
    let server = used();
    let guest = server.let_in("alice", &[]);
    let ran = serve(&server, &["rotate"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr
            .contains("generation 2 of session: the new key signs at once"),
        "{ran:?}"
    );
    assert!(
        !ran.stderr.contains("ca ssh/web"),
        "its targets must be told first: {ran:?}"
    );
    assert_eq!(
        guest.get("/v1/session").status,
        200,
        "what the old key signed holds"
    );
    let newcomer = server.let_in("bob", &[]);
    let status = until("the new key to be known", || {
        let status = newcomer.get("/v1/session").status;
        (status != 401).then_some(status)
    });
    assert_eq!(status, 200);

    let ran = serve(&server, &["rotate", "ca ssh/web"]);
    assert!(ran.stderr.contains("jit trust ssh/web"), "{ran:?}");
    let (ssh, listed) = with_authority_of(&server);
    assert_eq!(ssh.lines().count(), 2, "both keys are to be trusted: {ssh}");
    assert!(ssh.lines().all(|line| listed.contains(line)), "{listed}");
    let ran = serve(&server, &["rotate", "session", "--compromised"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    until("the old keys to be refused", || {
        (guest.get("/v1/session").status == 401).then_some(())
    });
    let listed = serve(&server, &["rotate", "--list"]).stderr;
    assert!(
        listed.contains("ca ssh/web  generation 2  signs from"),
        "{listed}"
    );
    assert!(
        listed.contains("session  generation 3  signs from"),
        "{listed}"
    );
    assert!(!listed.contains("session  generation 2"), "{listed}");
    let told = events(&server, EventKind::Rotated);
    assert!(told.len() >= 4, "{told:?}");
    let unknown = serve(&server, &["rotate", "nobody"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
}

/// What an administrator of the hosts is to apply: the keys alone, and the script with them.
fn with_authority_of(server: &Serve) -> (String, String) {
    with_authority(&server.path(""), async |authority| {
        let name = "ssh/web".parse().unwrap();
        let keys = authority.trust_ca(&name).await.unwrap();
        (keys, authority.trust(&name).await.unwrap())
    })
}

#[test]
fn the_sealing_key_is_replaced_and_the_old_one_opens_nothing() {
    let mut server = used();
    let guest = server.let_in("alice", &[]);
    let new = server.home.path("new.key");
    let reference = format!("file:{}", new.display());
    let ran = serve(&server, &["rotate", "--sealing-key", &reference]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // As it tells: the key is moved to where the server looks.
    fs::rename(&new, server.path("state/sealing.key")).unwrap();
    let renewed = server.let_in("alice", &[]);
    assert_eq!(guest.get("/v1/session").status, 200);
    assert_eq!(renewed.get("/v1/session").status, 200);
    server.stop(Signal::TERM);
    server.start_again();
    assert_eq!(server.site().get("/readyz").status, 200);
    let written = serve(&server, &["rotate", "--sealing-key", "aGVsbG8="]);
    assert_eq!(written.code, 2, "{written:?}");
    assert!(!written.stderr.contains("aGVsbG8="), "{written:?}");
}
