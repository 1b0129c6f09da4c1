//! Names that people may choose at their provider: one that has rights here is its owner's alone.

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use super::{Team, machine, on};
use crate::support::{home::run, until, web};

/// What somebody gets who is named in a policy, or in a group of the catalogue.
const NAMED: &str = r#"
@id("root")
permit (principal == Human::"root", action == Action::"elevate", resource);
@id("operators")
permit (principal, action == Action::"elevate", resource in Tier::"routine")
when { principal.name like "ops-*" };
"#;

fn catalogue() -> String {
    format!("[groups]\nadministrators = [\"alice\"]\n{}", web::CATALOGUE)
}

/// Adds lines to `[people]`, which is the last table of server.toml, and has them read.
fn configure(team: &Team, more: &str) {
    let file = team.serve.path("server.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}{more}")).unwrap();
    let before = team.serve.log().matches("reloaded").count();
    team.serve.signal(Signal::HUP);
    until("what was read", || {
        (team.serve.log().matches("reloaded").count() > before).then_some(())
    });
}

#[test]
fn nobody_takes_a_name_with_rights_by_choosing_it_at_the_provider() {
    let Some(team) = Team::configured(NAMED, "", &catalogue()) else {
        return;
    };
    let comes = |account: &str, name: &str| {
        team.provider.account(account, &[]);
        team.provider
            .claim(account, "preferred_username", json!(name));
        let home = machine(&team.serve);
        run(&mut on(&home, &team.provider, account, &["login"]))
    };
    for name in ["alice", "Alice", "root", "ops-7"] {
        let ran = comes("mallory", name);
        assert_eq!(ran.code, 121, "{ran:?}");
        assert!(ran.stderr.contains("people may choose their"), "{ran:?}");
        let hint = format!(
            "adds {} = \"mallory\" to [people.subjects]",
            name.to_lowercase()
        );
        assert!(ran.stderr.contains(&hint), "{ran:?}");
    }
    // Others come in by the names that they have.
    let ran = comes("mallory", "mallory");
    assert_eq!(ran.code, 0, "{ran:?}");
    // Also its owner, until an administrator says which account that is.
    let ran = run(&mut team.jit("alice", &["login"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    configure(&team, "[people.subjects]\nalice = \"alice\"\n");
    team.login("alice");
    let who = team.who();
    assert!(
        who["groups"].to_string().contains("administrators"),
        "{who}"
    );
    let ran = comes("eve", "alice");
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("belongs to another account"), "{ran:?}");
}

#[test]
fn where_only_administrators_set_names_they_need_no_account_here() {
    let fixed = "names_set_by = \"administrators\"\n";
    let Some(team) = Team::configured(NAMED, fixed, &catalogue()) else {
        return;
    };
    team.login("alice");
    let who = team.who();
    assert!(
        who["groups"].to_string().contains("administrators"),
        "{who}"
    );
}

#[test]
fn a_check_says_whose_names_do_not_count_yet() {
    let Some(team) = Team::configured(NAMED, "", &catalogue()) else {
        return;
    };
    let check = || {
        let mut jit = team.home.jit(["policy", "check", "--config-dir"]);
        let ran = run(jit.arg(team.serve.path("")));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    };
    let said = check();
    assert!(
        said.contains("nobody comes in as alice, root until [people.subjects]"),
        "{said}"
    );
    configure(
        &team,
        "[people.subjects]\nalice = \"alice\"\nroot = \"root\"\n",
    );
    let said = check();
    assert!(!said.contains("until [people.subjects]"), "{said}");
}
