//! The verbs that ask a server, and what rests on the machine of its catalogue.

use std::{fs, process::Stdio};

use serde_json::Value;

use super::{Desk, port_of, session};
use crate::support::{held::CATALOGUE as HELD, home::run, web::CATALOGUE};

#[test]
fn what_was_asked_once_is_asked_once_however_many_come() {
    let desk = Desk::new(CATALOGUE);
    let children: Vec<_> = (0..20)
        .map(|_| {
            let mut command = desk.home.jit(["request", "ssh/web:deploy"]);
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in children {
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
    }
    assert_eq!(
        desk.story(),
        ["granted ssh/web:deploy", "issued ssh/web:deploy"]
    );
}

#[test]
fn what_policy_says_is_told_with_its_own_exit_code() {
    let desk = Desk::new(CATALOGUE);
    let unexplained = desk.jit(&["request", "ssh/web:ops"]);
    assert_eq!(unexplained.code, 121, "{unexplained:?}");
    assert!(unexplained.stderr.contains("-j WHY"), "{unexplained:?}");
    desk.works(&["request", "ssh/web:ops", "-j", "INC-7"]);
    let unknown = desk.jit(&["request", "ssh/web:nobody"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    let explain = desk.jit(&["policy", "explain", "ssh/web:root"]);
    assert_eq!(explain.code, 2, "{explain:?}");
    assert!(explain.stderr.contains(&desk.serve.url), "{explain:?}");
}

#[test]
fn a_grant_ends_at_the_server_and_here() {
    let desk = Desk::new(CATALOGUE);
    desk.works(&["request", "ssh/web:deploy"]);
    let said = desk.works(&["revoke", "--all"]);
    assert!(said.starts_with("revoked "), "{said}");
    assert!(desk.works(&["status"]).starts_with("You hold nothing"));
    assert_eq!(desk.story().last().unwrap(), "revoked ssh/web:deploy");
    assert_eq!(desk.works(&["revoke", "--all"]), "nothing to revoke\n");
    desk.works(&["request", "ssh/web:deploy"]);
    assert_eq!(desk.works(&["forget", "--all"]), "forgot 1 lease\n");
}

#[test]
fn the_ledger_is_read_and_verified_where_it_is() {
    let desk = Desk::new(CATALOGUE);
    desk.works(&["request", "ssh/web:deploy"]);
    let whole = desk.works(&["audit", "verify"]);
    assert!(whole.starts_with("the ledger is whole: "), "{whole}");
    let newest = desk.works(&["audit", "--limit", "1", "--json"]);
    let newest: Value = serde_json::from_str(&newest).unwrap();
    assert_eq!(newest["kind"], "issued");
    let other = desk.jit(&["audit", "--resource", "ssh/other"]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(
        other.stderr.contains("no resource `ssh/other`"),
        "{other:?}"
    );
    assert!(!desk.home.path("state/jit/ledger.db").exists());
}

#[test]
fn a_resource_that_is_new_at_the_server_is_found() {
    let (mut desk, address) = Desk::behind_an_address(CATALOGUE);
    desk.works(&["request", "ssh/web:deploy"]);
    let other =
        format!("{CATALOGUE}\n[resources.\"ssh/new\"]\nhosts = [\"new\"]\nroles.deploy = {{}}\n");
    fs::write(desk.serve.path("authority.toml"), other).unwrap();
    desk.serve.stop(rustix::process::Signal::TERM);
    desk.serve.start_again();
    address.point_at(port_of(&desk.serve.address));
    // What rests here is too new to be asked for again at once.
    let places = session(&desk.home).places;
    let file = places.cache.join("catalogue.json");
    let text = fs::read_to_string(&file).unwrap();
    // The third word of its first line is when it was fetched, in milliseconds.
    let fetched_at = text.split_ascii_whitespace().nth(2).unwrap();
    fs::write(&file, text.replacen(fetched_at, "1767225600000", 1)).unwrap();
    desk.works(&["request", "ssh/new:deploy"]);
}

#[test]
fn a_tab_knows_the_servers_catalogue() {
    let desk = Desk::new(CATALOGUE);
    let typed = ["complete", "--", "jit", "request", "ssh/w"];
    assert_eq!(
        desk.works(&typed),
        "",
        "nothing is known yet, and nobody is asked"
    );
    desk.works(&["request", "ssh/web:deploy"]);
    let offered = desk.works(&typed);
    assert!(offered.contains("ssh/web:root\tsensitive"), "{offered}");
}

#[test]
fn what_another_authority_gave_is_not_used_at_a_server() {
    let desk = Desk::new(CATALOGUE);
    desk.works(&["request", "ssh/web:deploy"]);
    let config = desk.home.config().join("config.toml");
    fs::remove_file(&config).unwrap();
    assert!(desk.works(&["status"]).starts_with("You hold nothing"));
}

#[test]
fn doctor_looks_at_the_server() {
    let desk = Desk::new(HELD);
    desk.home.configure("authority.toml", CATALOGUE);
    let found = desk.jit(&["doctor", "ssh/held", "--json"]);
    let rows: Vec<Value> = found
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let says = |subject: &str| {
        let row = rows.iter().find(|row| row["subject"] == subject);
        let row = row.unwrap_or_else(|| panic!("{subject}: {rows:#?}"));
        (
            row["level"].as_str().unwrap().to_owned(),
            row["says"].as_str().unwrap().to_owned(),
        )
    };
    let (level, text) = says("server");
    assert_eq!(level, "ok", "{text}");
    assert!(text.contains("ca.crt vouches for it"), "{text}");
    let (level, text) = says("session");
    assert_eq!(level, "ok", "{text}");
    assert!(text.contains("alice"), "{text}");
    assert_eq!(says("catalogue").0, "ok");
    let unused = rows.iter().any(|row| {
        let says = row["says"].as_str().unwrap();
        says.contains("authority.toml is not used: the server")
    });
    assert!(unused, "{rows:#?}");
    let clock = says("clock").1;
    assert!(clock.contains("agrees with server"), "{clock}");
    // What it was lent it gave back.
    assert!(desk.works(&["status"]).starts_with("You hold nothing"));
    assert_eq!(desk.story().last().unwrap(), "revoked ssh/held:deploy");
}

#[test]
fn whoever_is_not_signed_in_is_told_how() {
    let desk = Desk::new(CATALOGUE);
    let state = desk.home.path("state/jit");
    for file in fs::read_dir(&state).unwrap() {
        let path = file.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("session.")
        {
            fs::remove_file(path).unwrap();
        }
    }
    for line in [
        &["request", "ssh/web:deploy"][..],
        &["exec", "--on", "ssh/web", "--", "true"],
        &["audit"],
        &["revoke", "--all"],
        &["trust", "ssh/web"],
    ] {
        let ran = desk.jit(line);
        assert_eq!(ran.code, 123, "{line:?}: {ran:?}");
        assert!(ran.stderr.contains("jit login"), "{line:?}: {ran:?}");
    }
    let hook = run(&mut desk.home.jit(["credential-process", "aws/prod:read"]));
    assert_eq!(hook.code, 123, "{hook:?}");
    assert_eq!(hook.stderr.lines().count(), 1, "{hook:?}");
}
