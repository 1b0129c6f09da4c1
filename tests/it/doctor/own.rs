//! This machine, and what jit has on it.

use std::fs;

use super::{Home, home, jit, says};

#[test]
fn an_empty_home_is_told_how_to_begin_and_stays_empty() {
    let home = Home::new();
    for args in [
        &["doctor"][..],
        &["doctor", "--json"],
        &["doctor", "--offline"],
    ] {
        let ran = jit(&home, args);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
        assert!(ran.stdout.contains("jit init"), "{ran:?}");
    }
    for name in ["config", "state", "cache", "run"] {
        assert_eq!(fs::read_dir(home.path(name)).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn offline_nothing_is_asked_and_nothing_is_made() {
    let home = home("[resources.\"ssh/web\"]\nhosts = [\"web.invalid\"]\nroles.deploy = {}\n");
    let ran = jit(&home, &["doctor", "--offline", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert_eq!(says(&ran, "targets", "ssh/web"), "");
    assert_eq!(
        says(&ran, "configuration", "configuration"),
        "ok: 3 policies, 1 resource"
    );
    assert!(says(&ran, "tools", "ssh").starts_with("ok: "), "{ran:?}");
    for name in ["state", "cache", "run"] {
        assert_eq!(fs::read_dir(home.path(name)).unwrap().count(), 0, "{name}");
    }
}
