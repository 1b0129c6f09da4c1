//! What the hook says when it fails: nothing on stdout, one line on stderr, the exit code.

use std::{fs, path::Path, process::Stdio, time::Duration};

use jit::{
    domain::{
        entitlement::Entitlement,
        failure::{Code, Failure},
        time::Timestamp,
    },
    platform::{clock, lock::Lock},
};
use serde_json::Value;

use super::home;
use crate::support::{
    Home,
    held::{cache, home_with_leases, lease_file},
    home::{Ran, run},
    stranger::{DOWN, silent},
    until,
    whereabouts::jit,
};

const SECRET: &str = "hunter2hunter2";

/// A home whose base credentials are there, and whose STS is at that port.
fn at_port(port: u16) -> Home {
    let home = home(
        &format!("http://127.0.0.1:{port}"),
        "base_profile = \"base\"",
    );
    let keys = format!("[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = {SECRET}\n");
    home.write(".aws/credentials", &keys);
    home
}

fn hook(home: &Home, args: &[&str]) -> Ran {
    let ran = run(home.jit(["credential-process"]).args(args));
    assert!(!format!("{ran:?}").contains(SECRET), "{ran:?}");
    ran
}

#[track_caller]
fn fails(home: &Home, args: &[&str], code: i32, says: &[&str]) {
    let ran = hook(home, args);
    assert_eq!((ran.code, &*ran.stdout), (code, ""), "{ran:?}");
    let line = ran.stderr.strip_suffix('\n').expect("a line");
    assert!(line.starts_with("jit: ") && !line.contains('\n'), "{ran:?}");
    for words in says {
        assert!(line.contains(words), "{ran:?} does not say {words:?}");
    }
}

#[test]
fn each_failure_is_one_line_with_its_code_and_what_to_do() {
    let home = at_port(DOWN);
    fails(&home, &[], 2, &["required", "ENTITLEMENT"]);
    fails(&home, &["aws/prod"], 2, &["aws/prod"]);
    fails(
        &home,
        &["kubernetes/prod:view"],
        2,
        &["jit credential-process aws/NAME:ROLE"],
    );
    fails(
        &home,
        &["aws/pord:read"],
        2,
        &["not in the catalogue", "aws/prod"],
    );
    fails(
        &home,
        &["aws/prod:raed"],
        2,
        &["has no role", "did you mean \"read\"?"],
    );
    let reason = "aws/prod:write needs a justification; run: jit request aws/prod:write -j WHY";
    fails(&home, &["aws/prod:write"], 121, &[reason]);
    let person = "aws/prod:root needs somebody else's approval";
    let now = "jit request aws/prod:root --break-glass -j WHY";
    fails(&home, &["aws/prod:root"], 121, &[person, now]);
    fails(
        &home,
        &["aws/prod:read"],
        125,
        &["refuses connections; check that it runs"],
    );
    let (_silent, port) = silent();
    fails(
        &at_port(port),
        &["aws/prod:read"],
        124,
        &["did not answer within 10 seconds"],
    );
    let object = hook(&home, &["aws/prod:write", "--json"]);
    let object: Value = serde_json::from_str(&object.stderr).unwrap();
    assert_eq!(object["code"], "denied");
    assert_eq!(object["message"], "aws/prod:write needs a justification");
}

#[test]
fn what_is_said_on_the_way_elsewhere_is_not_said_here() {
    let home = home_with_leases();
    let lease = lease_file(&home, "aws/held:read");
    fs::write(&lease, "torn").unwrap();
    let ran = hook(&home, &["aws/held:read"]);
    assert_eq!((ran.code, &*ran.stdout), (121, ""), "no policy: {ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    assert!(!ran.stderr.contains("dropped"), "{ran:?}");
    let elsewhere = lease_file(&home, "kubernetes/held:view");
    fs::write(elsewhere, "torn").unwrap();
    let asked = run(&mut home.jit(["request", "kubernetes/held:view"]));
    assert!(asked.stderr.contains("jit: dropped"), "{asked:?}");
}

#[test]
fn the_answer_is_what_the_sdks_read() {
    let home = home_with_leases();
    let ran = hook(&home, &["aws/held:read"]);
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["Version"], 1);
    assert_eq!(answer["AccountId"], "123456789012");
    let end = answer["Expiration"].as_str().unwrap();
    assert!(
        end.ends_with('Z') && end.len() == "2026-01-01T00:00:00Z".len(),
        "{end}"
    );
    let keys = answer.as_object().unwrap().keys();
    let wanted = [
        "Version",
        "AccessKeyId",
        "SecretAccessKey",
        "SessionToken",
        "Expiration",
        "AccountId",
    ];
    assert_eq!(keys.collect::<Vec<_>>(), wanted);
}

#[test]
fn a_hook_needs_no_home_no_stdin_and_nobody_who_reads() {
    let home = home_with_leases();
    let jit = jit();
    let shell = |script: &str| {
        let mut command = home.command(Path::new("/bin/sh"));
        run(command
            .env_remove("HOME")
            .args(["-c", script])
            .arg(&jit)
            .args(["credential-process", "aws/held:read"]))
    };
    let ran = shell("exec \"$0\" \"$@\" <&- 2>&-");
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    assert!(ran.stdout.starts_with("{\"Version\":1,"), "{ran:?}");
    for script in ["exec \"$0\" \"$@\" >&-", "\"$0\" \"$@\" | true"] {
        let ran = shell(script);
        assert_eq!(
            (ran.code, &*ran.stdout, &*ran.stderr),
            (0, "", ""),
            "{ran:?}"
        );
    }
}

#[test]
fn while_another_jit_asks_what_is_held_is_used_and_then_an_end_is_made() {
    let home = home_with_leases();
    let cache = cache(&home).patient(Duration::from_millis(50));
    let entitlement: Entitlement = "aws/held:read".parse().unwrap();
    let held = cache.fresh(&entitlement, clock::now()).unwrap().unwrap();
    let lock = lease_file(&home, "aws/held:read").with_extension("lock");
    let _other = Lock::acquire(&lock, || ()).unwrap();
    let ask = |now: Timestamp| {
        cache.fresh_or(
            &entitlement,
            || now,
            |_| Err(Failure::failed("nobody is asked while the other one asks")),
        )
    };
    let last_seconds = held.credential.expires_at.before(Duration::from_secs(10));
    let used = ask(last_seconds).unwrap();
    assert_eq!(used.credential.serial, held.credential.serial);
    let failure = ask(held.credential.expires_at).unwrap_err();
    assert_eq!(failure.code, Code::TimedOut);
    assert!(
        failure
            .message
            .starts_with("another jit has been asking for aws/held:read"),
        "{failure:?}"
    );
}

#[test]
fn a_base_profile_that_leads_to_jit_is_refused_at_once() {
    let home = at_port(DOWN);
    let config = "[profile prod]\ncredential_process = jit credential-process aws/prod:read\n[profile base]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = prod\n";
    home.write(".aws/config", config);
    home.write(".aws/credentials", "");
    let says = "profile prod gets its credentials from jit, so aws/prod cannot be reached with it";
    fails(&home, &["aws/prod:read"], 125, &[says, "base_profile"]);
}

#[test]
fn a_default_profile_that_setup_wrote_is_no_way_to_its_own_base_credentials() {
    let home = at_port(DOWN);
    let ours = super::catalogue("http://127.0.0.1:9", "").replace("[\"prod\"]", "[\"default\"]");
    home.configure("authority.toml", &ours);
    let written = run(&mut home.jit(["setup", "aws", "--anyway"]));
    assert_eq!(written.code, 0, "{written:?}");
    let mut hook = home.jit(["credential-process", "aws/prod:read"]);
    let ran = run(hook.env("AWS_EC2_METADATA_DISABLED", "true"));
    assert_eq!((ran.code, &*ran.stdout), (125, ""), "{ran:?}");
    let why = "; profile default gets its own from jit, so it was not asked: name base_profile";
    assert!(
        ran.stderr
            .starts_with("jit: no base credentials were found for aws/prod"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains(why) && ran.stderr.lines().count() == 1,
        "{ran:?}"
    );
}

#[test]
fn a_hook_that_is_killed_half_way_holds_up_nobody() {
    let (_silent, port) = silent();
    let home = at_port(port);
    let mut hook = home.jit(["credential-process", "aws/prod:read"]);
    let mut hook = hook
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let granted = || run(&mut home.jit(["audit"])).stdout.contains("granted");
    until("the grant", || granted().then_some(()));
    hook.kill().unwrap();
    hook.wait().unwrap();
    let here = super::catalogue(
        &format!("http://127.0.0.1:{DOWN}"),
        "base_profile = \"base\"",
    );
    home.configure("authority.toml", &here);
    fails(&home, &["aws/prod:read"], 125, &["refuses connections"]);
    assert_eq!(run(&mut home.jit(["audit", "verify"])).code, 0);
}
