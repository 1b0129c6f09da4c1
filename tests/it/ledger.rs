//! The ledger under attack and under failure: changed rows, a newer version, a full disk, `kill -9`.

use std::{path::PathBuf, process::Command};

use jit::store::ledger::Verification;
use serde_json::Value;

use crate::support::home::{Home, Ran, run};
use crate::support::web::{ask, web};

fn ledger(home: &Home) -> PathBuf {
    home.path("state/jit/ledger.db")
}

/// Changes the database behind jit's back.
pub(crate) fn tamper(home: &Home, sql: &'static str) {
    assert_eq!(change(home, sql), 1, "{sql}");
}

/// The same; how many rows it changed.
pub(crate) fn change(home: &Home, sql: &'static str) -> u64 {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let url = format!("sqlite://{}", ledger(home).display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            let changed = sqlx::raw_sql(sql).execute(&pool).await.unwrap();
            pool.close().await;
            changed.rows_affected()
        })
}

fn verify(home: &Home) -> Ran {
    run(&mut home.jit(["audit", "verify"]))
}

/// A home whose ledger has three elevations: six entries.
fn six_entries() -> Home {
    let home = web();
    for _ in 0..3 {
        assert_eq!(ask(&home).code, 0);
        assert_eq!(run(&mut home.jit(["forget", "--all"])).code, 0);
    }
    home
}

#[test]
fn a_whole_ledger_verifies() {
    let verified = verify(&six_entries());
    assert_eq!(verified.code, 0);
    assert!(
        verified
            .stdout
            .starts_with("the ledger is whole: 6 entries"),
        "{verified:?}"
    );
}

#[test]
fn an_end_that_was_cut_off_is_shown_by_a_checkpoint_that_was_kept() {
    let home = six_entries();
    let bare = verify(&home).stdout;
    assert!(bare.contains("jit audit checkpoint"), "{bare}");
    let signed = run(&mut home.jit(["audit", "checkpoint"]));
    assert_eq!(signed.code, 0, "{signed:?}");
    assert!(signed.stdout.starts_with("jit-ledger\n6\n"), "{signed:?}");
    home.write("kept", &signed.stdout);
    assert_eq!(ask(&home).code, 0);
    let against = |home: &Home| run(&mut home.jit(["audit", "verify", "--checkpoint", "kept"]));
    let holds = against(&home);
    assert_eq!(holds.code, 0, "{holds:?}");
    assert!(
        holds
            .stdout
            .contains("it holds what the checkpoint that you kept says: 6 entries"),
        "{holds:?}"
    );

    tamper(&home, "delete from checkpoints");
    tamper(&home, "delete from events where seq = 8");
    tamper(&home, "delete from events where seq = 7");
    assert_eq!(against(&home).code, 0, "what came after it is not in it");
    tamper(&home, "delete from events where seq = 6");
    assert_eq!(verify(&home).code, 0, "the chain alone does not show it");
    let cut = against(&home);
    assert_eq!(cut.code, 125, "{cut:?}");
    assert!(
        cut.stderr
            .contains("the ledger ends at entry 5, and had 6 at"),
        "{cut:?}"
    );
    assert_eq!(run(&mut home.jit(["forget", "--all"])).code, 0);
    assert_eq!(ask(&home).code, 0);
    let rewritten = against(&home);
    assert_eq!(rewritten.code, 125, "{rewritten:?}");
    assert!(
        rewritten
            .stderr
            .contains("entry 6 is not the one that was there at"),
        "{rewritten:?}"
    );

    let other = six_entries();
    other.write("kept", &signed.stdout);
    let foreign = against(&other);
    assert!(
        foreign
            .stderr
            .contains("not signed by a key of this ledger"),
        "{foreign:?}"
    );
    other.write("kept", "jit-ledger\n");
    assert!(against(&other).stderr.contains("that is no checkpoint"));
}

#[test]
fn every_change_is_named_at_the_first_entry_that_it_breaks() {
    let attacks = [
        (
            "update events set body = replace(body, 'routine', 'nothing') where seq = 3",
            3,
        ),
        ("update events set principal = 'mallory' where seq = 4", 4),
        ("update events set resource = 'ssh/other' where seq = 2", 2),
        ("update events set at = at + 1 where seq = 5", 5),
        ("delete from events where seq = 1", 1),
        ("delete from events where seq = 4", 4),
        (
            "update events set hash = replace(hash, '0', '1') where seq = 6",
            6,
        ),
    ];
    for (sql, entry) in attacks {
        let home = six_entries();
        tamper(&home, sql);
        let verified = verify(&home);
        assert_eq!(verified.code, 125, "{sql}");
        let wanted = format!("jit: the ledger is broken at entry {entry}:");
        assert!(verified.stderr.starts_with(&wanted), "{sql}: {verified:?}");
        assert!(verified.stderr.contains("\nhint: "), "{verified:?}");
    }
}

#[test]
fn a_ledger_of_a_newer_jit_is_left_alone() {
    let home = six_entries();
    tamper(&home, "insert into schema_version (version) values (99)");
    let asked = ask(&home);
    assert_eq!(asked.code, 125);
    assert!(asked.stderr.contains("written by a newer jit"), "{asked:?}");
    assert!(
        asked
            .stderr
            .contains("hint: update jit; nothing was changed"),
        "{asked:?}"
    );
}

#[test]
fn a_file_that_is_no_ledger_is_left_alone() {
    let home = web();
    home.write(
        "state/jit/ledger.db",
        "this is not a database, and it is longer than a header is",
    );
    std::fs::set_permissions(
        home.path("state/jit"),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let asked = ask(&home);
    assert_eq!(asked.code, 125);
    assert!(asked.stderr.contains("the ledger cannot be"), "{asked:?}");
    assert!(
        asked
            .stderr
            .contains("hint: restore the ledger from a backup"),
        "{asked:?}"
    );
    assert!(
        std::fs::read_to_string(ledger(&home))
            .unwrap()
            .starts_with("this is not")
    );
}

#[test]
fn a_ledger_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let home = six_entries();
    std::fs::set_permissions(
        ledger(&home),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    let asked = ask(&home);
    assert_eq!(asked.code, 125);
    let mend = format!("hint: run: chmod 600 '{}'", ledger(&home).display());
    assert!(asked.stderr.contains(&mend), "{asked:?}");
}

/// `jit` with a system call made to fail, or to kill it, at a certain time.
fn injected(home: &Home, fault: &str, on: Option<&str>, args: &[&str]) -> Ran {
    let trace = home.path("trace");
    let mut command: Command = home.command(std::path::Path::new("strace"));
    command
        .args(["-f", "-qq", "-o"])
        .arg(&trace)
        .args(["-e", fault]);
    if let Some(on) = on {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            command.arg("-P").arg(home.path(&format!("{on}{suffix}")));
        }
    }
    command.arg(env!("CARGO_BIN_EXE_jit")).args(args);
    run(&mut command)
}

#[test]
fn a_full_disk_gives_no_credential() {
    let home = six_entries();
    let full = "inject=pwrite64,ftruncate,fallocate:error=ENOSPC";
    let asked = injected(
        &home,
        full,
        Some("state/jit/ledger.db"),
        &["request", "ssh/web:deploy"],
    );
    assert_eq!(asked.code, 125, "{asked:?}");
    assert!(asked.stderr.contains("the ledger cannot be "), "{asked:?}");
    assert!(
        asked
            .stderr
            .contains("hint: no credential is given without its event"),
        "{asked:?}"
    );
    assert!(
        home.path("cache/jit/leases")
            .read_dir()
            .unwrap()
            .all(|file| {
                file.unwrap()
                    .path()
                    .extension()
                    .is_none_or(|extension| extension != "lease")
            })
    );
    assert_eq!(ask(&home).code, 0, "and with space again it works");
    assert_eq!(verify(&home).code, 0);
}

/// Kills `jit` at each of its writes in turn, from the first to the last.
#[test]
fn killed_at_any_step_it_leaves_no_credential_without_its_event() {
    let writes = "pwrite64,fdatasync,fsync,write,rename,unlink,ftruncate,openat,close";
    let mut survived = 0;
    for step in (1..).step_by(3) {
        let home = web();
        let kill = format!("inject={writes}:signal=KILL:when={step}");
        let asked = injected(&home, &kill, None, &["request", "ssh/web:deploy"]);
        assert!(asked.code == 0 || asked.code == 137, "{asked:?}");
        check(&home, step);
        if asked.code == 0 {
            survived += 1;
            // Other threads count their own calls: a few more steps to be past them all.
            if survived > 3 {
                assert!(step > 30, "killed only before step {step}");
                return;
            }
        }
    }
}

/// Every credential that rests in the cache, and every grant that is shown, is in the ledger, which opens and
/// verifies.
fn check(home: &Home, step: i32) {
    let verified = verify(home);
    assert_eq!(verified.code, 0, "killed at {step}: {verified:?}");
    let held = run(&mut home.jit(["status", "--json"]));
    assert_eq!(held.code, 0, "killed at {step}: {held:?}");
    let events = run(&mut home.jit(["audit", "--json"])).stdout;
    for lease in held.stdout.lines() {
        let lease: Value = serde_json::from_str(lease).unwrap();
        let explained = events.lines().any(|event| {
            let event: Value = serde_json::from_str(event).unwrap();
            if lease.get("credential").is_some() {
                event["kind"] == "issued"
                    && event["grant"] == lease["grant"]
                    && event["credential"] == lease["credential"]
            } else {
                event["kind"] == "granted" && event["grant"] == lease["granted"]
            }
        });
        assert!(
            explained,
            "killed at {step}: {lease} is not in the ledger:\n{events}"
        );
    }
    let again = ask(home);
    assert_eq!(again.code, 0, "killed at {step}, and then: {again:?}");
}

#[test]
fn whoever_only_looks_sees_the_newest_entries_and_makes_nothing() {
    let look = |home: &Home, most| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(jit::store::inspect::inspect(&ledger(home), most))
    };
    let empty = Home::new();
    assert_eq!(look(&empty, 10).unwrap(), None);
    assert!(!ledger(&empty).exists());

    let home = six_entries();
    let seen = |most| {
        let found = look(&home, most).unwrap().unwrap();
        let is_whole = matches!(found.verification, Verification::Whole { entries: 6, .. });
        (found.looked_at, is_whole)
    };
    assert_eq!(seen(10), (6, true));
    assert_eq!(seen(2), (2, true));
    tamper(
        &home,
        "update events set body = replace(body, 'deploy', 'root') where seq = 3",
    );
    assert_eq!(seen(2), (2, true), "what is older is not looked at");
    assert_eq!(seen(4), (1, false));
    let doctor = run(&mut home.jit(["doctor", "--offline"]));
    assert_eq!(doctor.code, 125, "{doctor:?}");
    assert!(doctor.stdout.contains("fail  ledger "), "{doctor:?}");
    assert!(
        doctor.stdout.contains("it is broken at entry 3"),
        "{doctor:?}"
    );
}
