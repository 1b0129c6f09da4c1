//! Signing in, going on without anybody's doing, and signing out.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio};

use serde_json::json;

use super::Team;
use crate::support::{
    home::{Ran, run},
    until,
};

#[test]
fn a_browser_signs_a_person_in_and_they_are_given_what_policy_says() {
    let Some(team) = Team::new() else { return };
    team.provider
        .signs_in_by("alice", &["pwd", "otp"], Some("multi-factor"));
    let ran = run(&mut team.home.jit(["request", "ssh/web:deploy"]));
    assert_eq!(ran.code, 123, "{ran:?}");
    assert!(ran.stderr.contains("hint: run: jit login"), "{ran:?}");
    let ran = team.login("alice");
    assert!(ran.stdout.is_empty(), "{ran:?}");
    let said = format!("signed in at {} as alice until", team.serve.url);
    assert!(ran.stderr.contains(&said), "{ran:?}");
    assert!(
        ran.stderr.contains("/auth?"),
        "the address is shown: {ran:?}"
    );
    let who = team.who();
    assert_eq!(who["principal"], "alice");
    assert_eq!(who["groups"], json!(["dev"]));
    assert_eq!(who["source"], team.provider.issuer());
    assert!(who["signed_in_at"].is_string());
    let kinds: Vec<_> = team
        .events()
        .into_iter()
        .map(|(kind, who, _)| (kind, who))
        .collect();
    let alice = |kind: &str| (kind.to_owned(), "alice".to_owned());
    assert_eq!(kinds, [alice("signed-in")]);
}

#[test]
fn what_rests_on_the_machine_is_private_and_sealed() {
    let Some(team) = Team::new() else { return };
    let ran = team.login("alice");
    let state = team.home.path("state/jit");
    let files = fs::read_dir(&state)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut sessions = 0;
    for file in files {
        let bytes = fs::read(&file).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
        // Every JWT begins so, and no refresh token is told from its name.
        for needle in [&b"eyJ"[..], b"refresh", b"alice"] {
            assert!(
                !bytes.windows(needle.len()).any(|w| w == needle),
                "{}",
                file.display()
            );
        }
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        sessions +=
            usize::from(name.starts_with("session.") && file.extension() != Some("lock".as_ref()));
    }
    assert_eq!(sessions, 1);
    assert!(!ran.stderr.contains("eyJ"), "{ran:?}");
}

#[test]
fn a_person_signs_in_on_another_device() {
    let Some(team) = Team::new() else { return };
    let child = team
        .home
        .jit(["login", "--device"])
        .stdout(Stdio::piped())
        .stderr(fs::File::create(team.home.path("said")).unwrap())
        .spawn()
        .unwrap();
    let said = || fs::read_to_string(team.home.path("said")).unwrap();
    let page = until("a code", || {
        let text = said();
        let (_, rest) = text.split_once("jit: or open ")?;
        Some(rest.split_once('\n')?.0.to_owned())
    });
    assert!(said().contains("and enter the code "), "{}", said());
    let opened = team.provider.open("alice", &page);
    assert_eq!(opened.code, 0, "{opened:?}");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?} {}", said());
    assert_eq!(team.who()["principal"], "alice");
}

#[test]
fn a_remote_shell_is_shown_a_code_by_itself() {
    let Some(team) = Team::new() else { return };
    let mut jit = team.home.jit(["login"]);
    jit.env("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
        .env("DISPLAY", ":10");
    let mut child = jit
        .stderr(fs::File::create(team.home.path("said")).unwrap())
        .spawn()
        .unwrap();
    until("a code", || {
        let text = fs::read_to_string(team.home.path("said")).unwrap();
        text.contains("and enter the code ").then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn signing_out_ends_the_session_at_the_server() {
    let Some(team) = Team::new() else { return };
    team.login("alice");
    let ran = run(&mut team.home.jit(["logout"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = run(&mut team.home.jit(["whoami"]));
    assert_eq!(ran.code, 123, "{ran:?}");
    let ran = run(&mut team.home.jit(["status", "--json"]));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    let kinds: Vec<_> = team.events().into_iter().map(|(kind, _, _)| kind).collect();
    assert!(kinds.contains(&"signed-out".to_owned()), "{kinds:?}");
    let ran = run(&mut team.home.jit(["logout"]));
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn whoever_signs_in_again_leaves_no_session_behind() {
    let Some(team) = Team::new() else { return };
    team.login("alice");
    let first = super::kept(&team.home, &team.serve);
    let ran = run(&mut team.home.jit(["request", "ssh/web:deploy"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    team.login("alice");
    let second = super::kept(&team.home, &team.serve);
    assert_ne!(first.holder.public(), second.holder.public());
    assert_eq!(team.who()["principal"], "alice");
    let told = team.events().into_iter().map(|(kind, _, _)| kind);
    let told: Vec<_> = told.filter(|kind| kind != "issued").collect();
    assert_eq!(told, ["signed-in", "granted", "signed-in", "signed-out"]);
    // What is held goes on, under the new session.
    let held = run(&mut team.home.jit(["status"])).stdout;
    assert!(held.starts_with("ssh/web:deploy"), "{held}");
    // The same session, proven anew, is none that was left behind.
    let ran = run(&mut team.jit("alice", &["login", "--fresh"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(team.who()["principal"], "alice");
}

#[test]
fn what_somebody_holds_is_not_for_who_signs_in_after_them() {
    let Some(team) = Team::new() else { return };
    team.provider.account("bob", &["dev"]);
    let holds = || run(&mut team.home.jit(["status", "--json"])).stdout;
    let asks = || run(&mut team.home.jit(["request", "ssh/web:deploy"]));
    team.login("alice");
    assert_eq!(asks().code, 0);
    // Whoever only signs in again keeps it.
    team.login("alice");
    assert!(holds().contains("ssh/web:deploy"));
    let ran = run(&mut team.jit("bob", &["login"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(holds(), "");
    assert_eq!(asks().code, 0);
    let of_bob = team.events();
    let of_bob = of_bob.iter().filter(|(_, who, _)| who == "bob");
    let kinds: Vec<&str> = of_bob.map(|(kind, _, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["signed-in", "granted", "issued"]);
}

#[test]
fn whoami_knows_the_user_of_the_embedded_authority() {
    let home = crate::support::web::web();
    let ran = run(&mut home.jit(["whoami", "--json"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let who: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(who["principal"], crate::support::whereabouts::user_name());
    assert_eq!(who["server"], json!(null));
    let ran = run(&mut home.jit(["login"]));
    assert_eq!(ran.code, 2, "{ran:?}");
}
