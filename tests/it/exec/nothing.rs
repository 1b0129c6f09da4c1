//! Commands that reach nothing, and a role that was named for them.

use super::{events, jit};
use crate::support::held::home_with_leases;

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
