//! The keeper of PostgreSQL credentials in files: fresh while the grant lives, gone with it.

use std::{fs, path::Path};

use rustix::process::{Signal, kill_process};

use super::{
    postgres::{with_certificates, with_roles},
    services::{SetUp, WHO, started},
    story,
};
use crate::support::{home::run, until, whereabouts::aws_bin};

/// A routine grant of an hour, whose credentials live for seconds.
const SHORT: &str = r#"
@id("short")
@ttl("1h")
@credential_ttl("4s")
permit (principal, action == Action::"elevate", resource);
"#;

/// Connects until the credential has been replaced twice.
fn stays_fresh(set_up: &SetUp) {
    set_up.home.configure("policies/all.cedar", SHORT);
    set_up.works(&["request", "postgres/orders:read"]);
    until("two renewals", || {
        // Between the server's and the file's change of a password nobody can come in.
        until("a connection", || {
            let read = set_up.psql("service=orders", WHO);
            (read.stdout == "kite|orders_ro\n").then_some(())
        });
        (set_up.issued() >= 3).then_some(())
    });
    let story = story(&set_up.home);
    let granted = story.iter().filter(|line| line.starts_with("granted"));
    assert_eq!(granted.count(), 1, "{story:?}");
    assert_eq!(set_up.keepers().len(), 1);
}

#[test]
fn the_files_are_fresh_while_the_grant_lives_and_go_with_it() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    stays_fresh(&set_up);
    set_up.works(&["revoke", "--all"]);
    assert!(set_up.held("read").is_empty(), "{:?}", set_up.held("read"));
    let after = set_up.psql("service=orders", WHO);
    assert_eq!(after.code, 2, "{after:?}");
    until("the keeper to end", || {
        (!set_up.is_kept("read")).then_some(())
    });

    set_up.works(&["request", "postgres/orders:read"]);
    assert!(set_up.is_kept("read"));
    set_up.works(&["forget", "postgres/orders:read"]);
    assert!(set_up.held("read").is_empty());
    assert_eq!(set_up.psql("service=orders", WHO).code, 2);
    until("the keeper to end", || {
        (!set_up.is_kept("read")).then_some(())
    });
}

#[test]
fn a_password_that_is_replaced_stays_usable_too() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_roles(&postgres), &postgres);
    stays_fresh(&set_up);
}

#[test]
fn a_renewal_that_policy_denies_ends_it() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    set_up.home.configure("policies/all.cedar", SHORT);
    set_up.works(&["request", "postgres/orders:read"]);
    assert!(!set_up.held("read").is_empty());
    let forbidden = format!("{SHORT}\n@id(\"no\") forbid (principal, action, resource);");
    set_up.home.configure("policies/all.cedar", &forbidden);
    until("the files to go", || {
        set_up.held("read").is_empty().then_some(())
    });
    until("the keeper to end", || {
        (!set_up.is_kept("read")).then_some(())
    });
    // No lease of it is held; the grant itself lives, since nobody ended it.
    let status = set_up.works(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(status.trim()).unwrap();
    assert!(status["credential"].is_null(), "{status}");
    assert!(status["granted"].is_string(), "{status}");
    assert!(story(&set_up.home).contains(&"denied postgres/orders:read".to_owned()));
}

#[test]
fn an_authority_that_is_away_for_a_while_is_waited_for() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    set_up.home.configure("policies/all.cedar", SHORT);
    set_up.works(&["request", "postgres/orders:read"]);
    let catalogue = fs::read_to_string(set_up.home.config().join("authority.toml")).unwrap();
    set_up.home.configure("authority.toml", "[half written");
    until("the dead credential to go", || {
        set_up.held("read").is_empty().then_some(())
    });
    assert!(set_up.is_kept("read"));
    set_up.home.configure("authority.toml", &catalogue);
    until("the next one", || {
        (!set_up.held("read").is_empty()).then_some(())
    });
    assert_eq!(set_up.psql("service=orders", WHO).code, 0);
}

#[test]
fn a_grant_that_follows_another_at_once_is_kept() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    for _ in 0..10 {
        set_up.works(&["request", "postgres/orders:read"]);
        assert!(set_up.is_kept("read"));
        assert_eq!(set_up.held("read").len(), 1);
        set_up.works(&["forget", "postgres/orders:read"]);
        assert!(set_up.held("read").is_empty());
    }
    set_up.works(&["request", "postgres/orders:read"]);
    until("one keeper alone", || {
        (set_up.keepers().len() == 1).then_some(())
    });
    assert_eq!(set_up.psql("service=orders", WHO).code, 0);
}

#[test]
fn a_keeper_that_was_killed_is_replaced_or_tidied_after() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    set_up.home.configure("policies/all.cedar", SHORT);
    let kill = || {
        let pid = set_up.keepers()[0];
        kill_process(pid, Signal::KILL).unwrap();
        until("it to be gone", || (!set_up.is_kept("read")).then_some(()));
    };
    set_up.works(&["request", "postgres/orders:read"]);
    kill();
    set_up.works(&["request", "postgres/orders:read"]);
    assert!(set_up.is_kept("read"), "another one is at work");
    assert_eq!(set_up.psql("service=orders", WHO).code, 0);
    kill();
    assert!(!set_up.held("read").is_empty(), "nobody removes them");
    until("the files to be tidied once they are dead", || {
        set_up.works(&["status"]);
        set_up.held("read").is_empty().then_some(())
    });
    assert_eq!(set_up.psql("service=orders", WHO).code, 2);
}

#[test]
fn a_keeper_holds_nothing_that_it_happened_to_inherit() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    let jit = set_up.home.jit(["request"]);
    let mut shell = set_up.home.command(Path::new("sh"));
    // The reader of the pipe waits for whoever holds its other end.
    let script = "\"$0\" request postgres/orders:read 7>&1 >/dev/null | cat; echo over";
    let ran = run(shell.args(["-c", script]).arg(jit.get_program()));
    assert_eq!(ran.stdout, "over\n", "{ran:?}");
    let keeper = set_up.keepers()[0].as_raw_nonzero();
    let open = |name: &str| fs::read_link(format!("/proc/{keeper}/{name}")).unwrap();
    assert_eq!(open("cwd"), Path::new("/"));
    let strange = || {
        let all = fs::read_dir(format!("/proc/{keeper}/fd"))
            .unwrap()
            .flatten();
        let leads = all.filter_map(|entry| fs::read_link(entry.path()).ok());
        let own = ["/dev/null", "anon_inode:", "/run/jit/postgres,"];
        leads
            .map(|path| path.to_str().unwrap().to_owned())
            .find(|leads| !own.iter().any(|part| leads.contains(part)))
    };
    // It may be at work for a moment.
    until("it to hold its lock, its watch and its timer alone", || {
        strange().is_none().then_some(())
    });
}

#[test]
fn a_long_run_of_another_program_outlives_its_credential() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    set_up.home.configure("policies/all.cedar", SHORT);
    // It connects until its certificate is another one than at first.
    let script = "import os, time, psycopg\n\
        first = open(os.environ['PGSSLCERT']).read()\n\
        while True:\n\
        \x20   psycopg.connect('').execute('select 1')\n\
        \x20   if open(os.environ['PGSSLCERT']).read() != first: break\n\
        \x20   time.sleep(0.05)\n\
        psycopg.connect('').execute('select 1')";
    let python = aws_bin().join("python3");
    let args = ["exec", "--on", "postgres/orders", "--"];
    let mut command = set_up.home.jit(args);
    let ran = run(command.arg(python).args(["-c", script]));
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn the_files_outlive_the_log_in_as_the_grant_does() {
    let Some(postgres) = started() else { return };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    set_up.works(&["request", "postgres/orders:read"]);
    assert_eq!(set_up.psql("service=orders", WHO).code, 0);
    // The keeper may put a file there while it is removed.
    until("the runtime directory to be gone", || {
        fs::remove_dir_all(set_up.home.path("run")).ok()
    });
    until("the keeper to go on elsewhere", || {
        let read = set_up.psql("service=orders", WHO);
        (read.stdout == "kite|orders_ro\n").then_some(())
    });
    assert_eq!(set_up.keepers().len(), 1);
    let mut forget = set_up.home.jit(["forget", "--all"]);
    assert_eq!(run(forget.env_remove("XDG_RUNTIME_DIR")).code, 0);
    assert_eq!(set_up.psql("service=orders", WHO).code, 2);
}
