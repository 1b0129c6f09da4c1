//! Bad input of every kind: exit code, message and hint, and nothing lost.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
};

use serde_json::Value;

use crate::support::held::lease_file;
use crate::support::home::{Home, Ran, run};
use crate::support::web::{CATALOGUE, POLICIES, ask, web};

/// A command that was refused: its exit code, and what its message and hint say.
#[track_caller]
fn refused(ran: &Ran, code: i32, message: &str, hint: &str) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert_eq!(ran.stdout, "", "{ran:?}");
    assert!(ran.stderr.starts_with("jit: "), "{ran:?}");
    let (said, hinted) = ran.stderr.split_once("\nhint: ").expect("a hint");
    assert!(said.contains(message), "{said:?} is not about {message:?}");
    assert!(hinted.contains(hint), "{hinted:?} does not say {hint:?}");
}

fn jit(home: &Home, args: &[&str]) -> Ran {
    run(&mut home.jit(args))
}

#[test]
fn names_that_are_unknown_list_what_is_near() {
    let home = web();
    let unknown = jit(&home, &["request", "ssh/wbe:deploy"]);
    refused(
        &unknown,
        2,
        "ssh/wbe is not in the catalogue",
        "did you mean \"ssh/web\"?",
    );
    let unknown = jit(&home, &["request", "ssh/web:depoly"]);
    refused(
        &unknown,
        2,
        "ssh/web has no role \"depoly\"",
        "did you mean \"deploy\"?",
    );
    let unwritten = jit(&home, &["request", "ssh/web"]);
    refused(
        &unwritten,
        2,
        "not an entitlement",
        "write it as kind/name:role",
    );
    let unwritten = jit(&home, &["revoke", "ssh-web-deploy"]);
    refused(
        &unwritten,
        2,
        "is not a grant's id",
        "list the ids of grants",
    );
    let unknown = jit(&home, &["exec", "--on", "ssh/wbe", "--", "true"]);
    refused(
        &unknown,
        2,
        "ssh/wbe is not in the catalogue",
        "did you mean \"ssh/web\"?",
    );
    let unknown = jit(
        &home,
        &["exec", "--on", "ssh/web", "--role", "rot", "--", "true"],
    );
    refused(&unknown, 2, "no role \"rot\"", "did you mean \"root\"?");
    let unknown = jit(&home, &["exec", "--", "make", "deploy"]);
    refused(
        &unknown,
        2,
        "jit does not know what \"make\" connects to",
        "--on kind/name",
    );
}

#[test]
fn hostile_names_are_refused_before_anything_is_asked() {
    let home = web();
    for name in [
        "ssh/a b:c",
        "ssh/a,b:c",
        "ssh/a\nb:c",
        "ssh/$(id):c",
        "ssh/web:a;b",
        "../x",
        "",
    ] {
        let asked = jit(&home, &["request", name]);
        assert_eq!(asked.code, 2, "{name:?}: {asked:?}");
    }
    let log = jit(&home, &["audit"]);
    assert_eq!(
        (log.code, log.stdout.as_str()),
        (0, ""),
        "nothing was recorded"
    );
}

#[test]
fn a_denial_says_what_would_help() {
    let home = web();
    let sensitive = jit(&home, &["request", "ssh/web:root"]);
    refused(
        &sensitive,
        121,
        "ssh/web:root needs somebody else's approval",
        "`server` in config.toml",
    );
    let silent = jit(&home, &["request", "ssh/web:ops"]);
    refused(&silent, 121, "ssh/web:ops needs a justification", "-j");
    let reasoned = jit(
        &home,
        &["request", "ssh/web:ops", "-j", "disk is full on web-1"],
    );
    assert_eq!(reasoned.code, 0, "{reasoned:?}");
    home.configure("policies/all.cedar", "");
    let nothing = jit(&home, &["request", "ssh/web:root"]);
    refused(
        &nothing,
        121,
        "there are no policies",
        "jit policy explain ssh/web:root",
    );
}

#[test]
fn an_evaluation_error_is_a_denial() {
    let home = web();
    let erring = "@id(\"erring\") forbid (principal, action, resource) when { context.ttl * 9223372036854775807 > 0 };";
    home.configure("policies/zz.cedar", erring);
    assert_eq!(ask(&home).code, 121);
}

#[test]
fn malformed_configuration_names_file_and_line() {
    let home = web();
    for (text, place) in [
        ("[resources.\"ssh/web\"\n", "authority.toml:1"),
        (
            "[resources.\"ssh/web\"]\nhots = []\nroles.a = {}\n",
            "authority.toml:2",
        ),
        ("[resources.\"shs/web\"]\n", "authority.toml:1"),
    ] {
        home.configure("authority.toml", text);
        let asked = ask(&home);
        assert_eq!(asked.code, 125, "{asked:?}");
        assert!(asked.stderr.contains(place), "{asked:?}");
        assert!(asked.stderr.contains("\nhint: "), "{asked:?}");
    }
    home.configure("authority.toml", CATALOGUE);
    home.configure("policies/all.cedar", "permit (principal,\n  action = x);");
    let asked = ask(&home);
    assert_eq!(asked.code, 125, "{asked:?}");
    assert!(asked.stderr.contains("policies/all.cedar:2"), "{asked:?}");
    home.configure("policies/all.cedar", POLICIES);
    home.configure("config.toml", "sever = \"https://x\"\n");
    let checked = jit(&home, &["policy", "check"]);
    assert_eq!(checked.code, 125, "{checked:?}");
    assert!(checked.stderr.contains("config.toml:1"), "{checked:?}");
    assert!(
        checked.stderr.contains("did you mean \"server\"?"),
        "{checked:?}"
    );
}

#[test]
fn a_catalogue_that_others_can_write_is_refused() {
    let home = web();
    for name in ["authority.toml", "policies/all.cedar"] {
        let file = home.config().join(name);
        fs::set_permissions(&file, Permissions::from_mode(0o622)).unwrap();
        let asked = ask(&home);
        assert_eq!(asked.code, 125, "{name}: {asked:?}");
        assert!(asked.stderr.contains("hint: run: chmod "), "{asked:?}");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    }
    assert_eq!(ask(&home).code, 0);
}

#[test]
fn a_tool_that_cannot_be_run_is_said_with_the_shells_own_codes() {
    let home = web();
    let missing = jit(
        &home,
        &[
            "exec",
            "--on",
            "ssh/web",
            "--role",
            "deploy",
            "--",
            "no-such-tool",
        ],
    );
    refused(&missing, 127, "no-such-tool is not installed", "install it");
    let file = home.write("tool", "#!/bin/sh\n");
    let path = file.to_str().unwrap();
    let plain = jit(
        &home,
        &["exec", "--on", "ssh/web", "--role", "deploy", "--", path],
    );
    refused(&plain, 126, "is not executable", "run: chmod +x");
    fs::write(&file, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o700)).unwrap();
    let foreign = jit(
        &home,
        &["exec", "--on", "ssh/web", "--role", "deploy", "--", path],
    );
    refused(
        &foreign,
        127,
        "is not there",
        "the interpreter in its first line is missing",
    );
}

#[test]
fn the_tools_own_exit_code_stdout_and_stdin_are_its_own() {
    let home = web();
    let mut command = home.jit(["exec", "--on", "ssh/web", "--role", "deploy", "--"]);
    command.args(["sh", "-c", "cat; echo out; echo err >&2; exit 42"]);
    command.stdin(File::open(home.write("in", "typed\n")).unwrap());
    let ran = run(&mut command);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (42, "typed\nout\n", "err\n")
    );
    let killed = jit(
        &home,
        &[
            "exec",
            "--on",
            "ssh/web",
            "--role",
            "deploy",
            "--",
            "sh",
            "-c",
            "kill -TERM $$",
        ],
    );
    assert_eq!(killed.code, 143);
}

#[test]
fn closed_files_and_no_terminal_are_no_reason_to_fail() {
    let home = web();
    let jit = env!("CARGO_BIN_EXE_jit");
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let mut shell = home.command(Path::new("/bin/sh"));
        shell.args([
            "-c",
            &format!("'{jit}' exec --on ssh/web --role deploy -- true {closed}"),
        ]);
        let ran = run(&mut shell);
        assert_eq!(ran.code, 0, "{closed}: {ran:?}");
        let forgotten = run(&mut home.jit(["forget", "--all"]));
        assert_eq!(forgotten.code, 0, "{forgotten:?}");
    }
    let mut piped = home.jit(["audit"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(piped.stdout.take());
    assert!(
        piped.wait().unwrap().success(),
        "a reader who has read enough"
    );
}

#[test]
fn without_home_it_says_what_to_set_or_does_without() {
    let home = web();
    let mut bare = home.jit(["status"]);
    bare.env_remove("HOME");
    assert_eq!(run(&mut bare).code, 0, "the XDG directories are enough");
    for name in [
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "XDG_CACHE_HOME",
        "XDG_RUNTIME_DIR",
    ] {
        bare.env_remove(name);
    }
    // The user database still names a home; relative ones are refused.
    bare.env("HOME", "relative");
    let ran = run(&mut bare);
    assert!(ran.code == 125 || ran.code == 0, "{ran:?}");
    assert!(
        !home.path("relative").exists(),
        "nothing is made beside where one stands"
    );
}

#[test]
fn errors_are_one_json_object_where_json_is_asked_for() {
    let home = web();
    for (args, code, number) in [
        (&["--json", "request", "ssh/web:root"][..], "denied", 121),
        (&["--json", "request", "ssh/web:rot"], "usage", 2),
        (&["--json", "frobnicate"], "usage", 2),
    ] {
        let ran = jit(&home, args);
        assert_eq!(ran.code, number, "{ran:?}");
        let error: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(error["code"], code);
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert!(!error["hint"].as_str().unwrap().is_empty());
    }
}

/// `jit` whose system call fails, on a path or on all, as on a disk that is full or read-only.
fn failing(home: &Home, call: &str, error: &str, on: Option<&Path>) -> Ran {
    let mut command = home.command(Path::new("strace"));
    command
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("inject={call}:error={error}"));
    if let Some(path) = on {
        command.arg("-P").arg(path);
    }
    command
        .arg(env!("CARGO_BIN_EXE_jit"))
        .args(["request", "ssh/web:deploy"]);
    run(&mut command)
}

#[test]
fn a_read_only_home_gives_no_credential_and_keeps_the_one_that_lives() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    let ledger = home.path("state/jit/ledger.db");
    let held = failing(&home, "openat", "EROFS", Some(&ledger));
    assert_eq!(held.code, 0, "a live lease needs no ledger: {held:?}");
    assert_eq!(jit(&home, &["forget", "--all"]).code, 0);
    let new = failing(&home, "openat", "EROFS", Some(&ledger));
    refused(
        &new,
        125,
        "the ledger cannot be",
        "make the state directory writable",
    );
}

#[test]
fn a_full_cache_costs_time_not_access() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    assert_eq!(jit(&home, &["forget", "--all"]).code, 0);
    let lease = lease_file(&home, "ssh/web:deploy");
    let full = failing(&home, "rename", "ENOSPC", None);
    assert_eq!(full.code, 0, "{full:?}");
    assert!(
        full.stderr.starts_with("jit: the lease was not cached: "),
        "{full:?}"
    );
    assert!(!lease.exists());
    let left: Vec<_> = fs::read_dir(lease.parent().unwrap())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_none_or(|extension| extension != "lock")
        })
        .collect();
    assert_eq!(left, [""; 0], "no temporary file stays");
}
