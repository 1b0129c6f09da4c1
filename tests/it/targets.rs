//! Targets that are down, silent or something else, as the user of `jit exec` meets them: exit code,
//! message, hint, and a grant that is over again.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{
    home::{Home, Ran, run},
    stranger::{DOWN, saying, silent},
    web::POLICIES,
};

const SECRET: &str = "hunter2";

/// What is run against each target, and the target as messages name it.
const COMMANDS: [(&str, &[&str]); 3] = [
    (
        "kubernetes/prod at https://127.0.0.1:",
        &["exec", "--", "kubectl", "--context", "prod", "get", "ns"],
    ),
    (
        "postgres/orders at 127.0.0.1:",
        &["exec", "--", "psql", "-h", "db", "-c", "select 1", "orders"],
    ),
    (
        "aws/prod at http://127.0.0.1:",
        &[
            "exec",
            "--",
            "aws",
            "--profile",
            "prod",
            "sts",
            "get-caller-identity",
        ],
    ),
];

fn home(port: u16) -> Home {
    let home = Home::new();
    home.configure(
        "authority.toml",
        &format!(
            r#"
[resources."kubernetes/prod"]
server = "https://127.0.0.1:{port}"
contexts = ["prod"]
issuer = "token-request"
credential = "env:KUBERNETES_BASE"
roles.view.service_account = "jit/view"

[resources."postgres/orders"]
hosts = ["db"]
databases = ["orders"]
issuer = "dynamic-role"
credential = "env:POSTGRES_BASE"
roles.read.role = "orders_ro"

[resources."aws/prod"]
account = "123456789012"
profiles = ["prod"]
issuer = "assume-role"
region = "eu-west-1"
endpoint = "http://127.0.0.1:{port}"
roles.read.arn = "arn:aws:iam::123456789012:role/read"
"#
        ),
    );
    home.configure("policies/all.cedar", POLICIES);
    // A tool that is reached although there is no credential for it tells on itself.
    for tool in ["kubectl", "psql", "aws"] {
        home.tool(tool, "echo reached");
    }
    home
}

fn jit(home: &Home, port: u16, args: &[&str]) -> Ran {
    run(&mut command(home, port, args))
}

/// `jit` with the base credentials of all three.
fn command(home: &Home, port: u16, args: &[&str]) -> Command {
    let url = format!("postgresql://jit:{SECRET}@127.0.0.1:{port}/orders?sslmode=require");
    let mut command = home.jit(args);
    command
        .env("KUBERNETES_BASE", SECRET)
        .env("POSTGRES_BASE", url)
        .env("AWS_ACCESS_KEY_ID", "AKIA")
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    command
}

/// Runs all three at once against a target at `port`, and looks at what is left behind.
#[track_caller]
fn all_fail(port: u16, code: i32, ending: &str, hint: &str) {
    let home = home(port);
    let started = COMMANDS.map(|(_, args)| {
        let mut command = command(&home, port, args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    let runs = started.map(|child| Ran::from(child.wait_with_output().unwrap()));
    for (ran, (target, _)) in runs.iter().zip(COMMANDS) {
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{ran:?}");
        assert!(!ran.stderr.contains(SECRET), "{ran:?}");
        let (said, hinted) = ran.stderr.split_once("\nhint: ").expect("a hint");
        assert!(
            said.starts_with(&format!("jit: {target}{port} ")),
            "{ran:?}"
        );
        assert!(said.contains(ending), "{ran:?}");
        assert!(hinted.contains(hint), "{ran:?}");
    }
    nothing_is_left(&home, port);
}

/// The ledger tells of the failure, no lease rests, and no grant lives.
#[track_caller]
fn nothing_is_left(home: &Home, port: u16) {
    let log = jit(home, port, &["audit", "--json"]);
    assert!(!log.stdout.contains(SECRET), "{log:?}");
    for (target, _) in COMMANDS {
        let resource = target.split(' ').next().unwrap();
        let listed = jit(home, port, &["audit", "--json", "--resource", resource]);
        let events: Vec<Value> = listed
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let kinds: Vec<_> = events.iter().map(|event| event["kind"].clone()).collect();
        assert_eq!(kinds, ["granted", "issue-failed"]);
        assert_eq!(events[0]["grant"], events[1]["grant"]);
        assert!(events[1]["detail"].as_str().unwrap().starts_with(resource));
    }
    assert_eq!(jit(home, port, &["status", "--json"]).stdout, "");
    let leases = home.path("cache/jit/leases").read_dir().unwrap();
    let mut names = leases.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(names.all(|name| !name.contains(".lease")), "no lease rests");
    let revoked = jit(home, port, &["revoke", "--all"]);
    assert_eq!(
        revoked.stdout, "nothing to revoke\n",
        "no grant lives: {revoked:?}"
    );
    assert_eq!(jit(home, port, &["audit", "verify"]).code, 0);
}

#[test]
fn a_target_that_is_down_is_said_to_be() {
    all_fail(
        DOWN,
        125,
        "refuses connections",
        "check that it runs and listens there",
    );
}

#[test]
fn a_target_that_is_slow_is_not_waited_for_for_ever() {
    let (_silent, port) = silent();
    all_fail(
        port,
        124,
        "did not answer within 10 seconds",
        "then try again",
    );
}

#[test]
fn a_target_that_is_something_else_is_said_to_be() {
    let port = saying(b"SSH-2.0-OpenSSH_9.2p1\r\n");
    all_fail(
        port,
        125,
        "does not speak as",
        "something else listens there",
    );
}

#[test]
fn a_script_learns_the_same_as_json() {
    let home = home(DOWN);
    let asked = jit(&home, DOWN, &["--json", "request", "kubernetes/prod:view"]);
    assert_eq!((asked.code, asked.stdout.as_str()), (125, ""));
    let error: Value = serde_json::from_str(&asked.stderr).unwrap();
    assert_eq!(error["code"], "failed");
    assert!(!error["hint"].as_str().unwrap().is_empty());
}
