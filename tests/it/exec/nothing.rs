//! Commands that reach nothing, and a role that was named for them.

use super::{events, jit};
use crate::support::{held::home_with_leases, home::run, whereabouts};

#[test]
fn a_role_for_a_command_that_reaches_nothing_is_an_error() {
    let home = home_with_leases();
    for (role, line) in [
        ("view", &["kubectl", "config", "view"][..]),
        ("view", &["kubectl", "delete", "pod", "web", "--help"]),
        ("read", &["aws", "help"]),
        ("read", &["psql", "--version"]),
    ] {
        let ran = jit(&home, &[&["exec", "--role", role, "--"][..], line].concat());
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{line:?}: {ran:?}");
        let said = format!("this command reaches nothing, so it cannot be run as {role:?}");
        assert!(ran.stderr.contains(&said), "{ran:?}");
    }
    assert_eq!(events(&home).len(), 0);
}

#[test]
fn a_command_is_told_what_it_was_given_and_until_when() {
    let home = home_with_leases();
    let jit = whereabouts::jit();
    let told = |args: &[&str]| {
        let print = "printf '%s|%s' \"$JIT_ENTITLEMENTS\" \"$JIT_EXPIRES_AT\"";
        let ran = run(home
            .jit(["exec"])
            .args(args)
            .args(["--", "sh", "-c", print]));
        assert_eq!(ran.code, 0, "{ran:?}");
        let (held, ends) = ran.stdout.split_once('|').unwrap();
        (held.to_owned(), ends.to_owned())
    };
    let (held, ends) = told(&["--on", "aws/held"]);
    assert_eq!(held, "aws/held:read");
    let listed = run(&mut home.jit(["status", "--json"])).stdout;
    let line = listed
        .lines()
        .find(|line| line.contains("aws/held"))
        .unwrap();
    let status: serde_json::Value = serde_json::from_str(line).unwrap();
    let until = status["expires_at"].as_str().unwrap();
    assert_eq!(ends[..19], until[..19], "{listed}");
    let (held, _) = told(&["--on", "aws/held", "--on", "kubernetes/held"]);
    assert_eq!(held, "aws/held:read kubernetes/held:view");
    // One in another: what the outer one gave goes on, but for the kind that the inner one gives.
    let nested = |on: &str| {
        let inner = [jit.to_str().unwrap(), "exec", "--on", on, "--"];
        let print = ["sh", "-c", "echo \"$JIT_ENTITLEMENTS\""];
        let outer = ["exec", "--on", "aws/held", "--"];
        run(home.jit(outer).args(inner).args(print)).stdout
    };
    assert_eq!(
        nested("kubernetes/held"),
        "aws/held:read kubernetes/held:view\n"
    );
    assert_eq!(nested("aws/held"), "aws/held:read\n");
    let as_it_is = run(&mut home.jit(["exec", "--if-known", "--", "env"]));
    assert!(
        !as_it_is.stdout.contains("JIT_ENTITLEMENTS"),
        "{as_it_is:?}"
    );
}
