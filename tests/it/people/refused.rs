//! Who is not let in, and what stolen things are good for.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use super::{Team, machine, on};
use crate::support::home::run;

#[test]
fn the_provider_s_no_is_a_no() {
    let Some(team) = Team::new() else { return };
    let ran = run(&mut team.jit("", &["login"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("did not sign you in"), "{ran:?}");
    assert!(team.events().is_empty());
}

#[test]
fn a_session_file_is_of_no_use_on_another_machine() {
    let Some(team) = Team::new() else { return };
    team.login("alice");
    let other = machine(&team.serve);
    fs::create_dir_all(other.path("state/jit")).unwrap();
    fs::set_permissions(other.path("state/jit"), fs::Permissions::from_mode(0o700)).unwrap();
    for file in fs::read_dir(team.home.path("state/jit")).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap();
        // All of it but the key that seals it, which another machine has of its own.
        if name.to_string_lossy().starts_with("session.") {
            fs::copy(&file, other.path("state/jit").join(name)).unwrap();
        }
    }
    let ran = run(&mut other.jit(["whoami"]));
    assert_eq!(ran.code, 123, "{ran:?}");
}

#[test]
fn a_twin_is_nobody_and_a_name_is_its_first_owners() {
    let Some(team) = Team::new() else { return };
    team.login("alice");
    // Another account that comes by the same name, in other letters too.
    for name in ["alice", "ALICE", "Alice"] {
        team.provider.account("mallory", &["dev"]);
        team.provider
            .claim("mallory", "preferred_username", json!(name));
        let thief = machine(&team.serve);
        let ran = run(&mut on(&thief, &team.provider, "mallory", &["login"]));
        assert_eq!(ran.code, 121, "{ran:?}");
        assert!(ran.stderr.contains("belongs to another account"), "{ran:?}");
    }
    // Names that only look like it, and what is none.
    for name in [
        json!("аlice"),
        json!("ａlice"),
        json!("alice\u{200b}"),
        json!("alice "),
        json!(""),
        json!(7),
        json!(["alice"]),
    ] {
        team.provider
            .claim("mallory", "preferred_username", name.clone());
        let thief = machine(&team.serve);
        let ran = run(&mut on(&thief, &team.provider, "mallory", &["login"]));
        assert_eq!(ran.code, 121, "{name}: {ran:?}");
        assert!(ran.stderr.contains("is no name here"), "{ran:?}");
    }
    // The same account in other letters is the same person; by another name it is not.
    team.provider
        .claim("alice", "preferred_username", json!("Alice"));
    team.login("alice");
    assert_eq!(team.who()["principal"], "alice");
    team.provider
        .claim("alice", "preferred_username", json!("bob"));
    let ran = run(&mut team.jit("alice", &["login"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("was here as alice"), "{ran:?}");
}

#[test]
fn groups_that_cannot_be_read_let_nobody_in() {
    let Some(team) = Team::new() else { return };
    for groups in [
        json!("a\u{0}b"),
        json!([7]),
        json!(["a\u{0}b"]),
        json!([""]),
        json!({"dev": true}),
    ] {
        team.provider.claim("alice", "groups", groups.clone());
        let ran = run(&mut team.jit("alice", &["login"]));
        assert_eq!(ran.code, 121, "{groups}: {ran:?}");
        assert!(ran.stderr.contains("no list of groups"), "{ran:?}");
    }
}
