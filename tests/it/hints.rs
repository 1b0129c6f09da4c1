//! What a hint tells to run works in the situation that the hint is given in.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value;

use crate::{
    serve::{
        client::point,
        member::{Member, POLICIES},
    },
    support::{
        Home, Serve,
        home::{Ran, run},
        web::{CATALOGUE, web},
        whereabouts::{jit, user_name},
    },
};

/// The first command that a hint names, up to where the sentence goes on.
#[track_caller]
fn command(hint: &str) -> String {
    let starts = ["\"jit ", ": jit ", "(jit ", ": chmod "];
    let found = starts.iter().filter_map(|start| hint.find(start)).min();
    let at = found.unwrap_or_else(|| panic!("no command in {hint:?}"));
    let (open, rest) = hint[at..].split_at(1);
    let ends: &[&str] = match open {
        "\"" => &["\""],
        "(" => &[")"],
        _ => &[";", ", ", ")", " (\"", "\n"],
    };
    let end = ends.iter().filter_map(|end| rest.find(end)).min();
    rest[..end.unwrap_or(rest.len())].trim().to_owned()
}

/// Runs the command of a hint as its reader does, who says why and names what is to be named.
#[track_caller]
fn follow(home: &Home, hint: &str) -> Ran {
    let command = command(hint)
        .replace("WHY", "'a reason'")
        .replace("NAME", "build-7");
    home.tool("jit", &format!("exec '{}' \"$@\"", jit().display()));
    let followed = run(home.command(Path::new("/bin/sh")).args(["-c", &command]));
    assert_eq!(followed.code, 0, "{hint:?}: {command}: {followed:?}");
    followed
}

/// Runs `jit`, which fails with that code; its hint.
#[track_caller]
fn fails(home: &Home, code: i32, args: &[&str]) -> String {
    let ran = run(&mut home.jit(args));
    assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    let (_, hint) = ran.stderr.split_once("hint: ").expect("a hint");
    hint.trim_end().to_owned()
}

#[track_caller]
fn works(home: &Home, args: &[&str]) {
    let ran = run(&mut home.jit(args));
    assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
}

#[test]
fn a_reason_that_is_missing_is_given_by_the_command_of_the_hint() {
    let home = web();
    for (ask, again) in [
        (
            &["request", "ssh/web:ops"][..],
            &["exec", "--on", "ssh/web", "--role", "ops", "--", "true"][..],
        ),
        (
            &["exec", "--on", "ssh/web", "--role", "ops", "--", "true"],
            &["request", "ssh/web:ops"],
        ),
    ] {
        follow(&home, &fails(&home, 121, ask));
        works(&home, again);
        works(&home, &["revoke", "--all"]);
    }
}

#[test]
fn who_is_on_call_breaks_the_glass_by_the_command_of_the_hint() {
    for ask in [
        &["request", "ssh/web:root", "-j", "disk is full"][..],
        &["request", "ssh/web:root", "--break-glass"],
    ] {
        let home = Home::new();
        let on_call = format!("[groups]\non-call = [\"{}\"]\n{CATALOGUE}", user_name());
        home.configure("authority.toml", &on_call);
        works(&home, &["init"]);
        follow(&home, &fails(&home, 121, ask));
        works(&home, &["request", "ssh/web:root"]);
    }
}

#[test]
fn an_empty_home_and_a_mistake_are_mended_by_the_commands_of_the_hints() {
    let home = Home::new();
    follow(
        &home,
        &fails(&home, 2, &["exec", "--on", "ssh/web", "--", "true"]),
    );
    follow(&home, &fails(&home, 2, &["enrolments", "list"]));
    let home = Home::new();
    let listed = run(&mut home.jit(["list"]));
    follow(&home, listed.stdout.trim_end());
    let home = Home::new();
    follow(
        &home,
        &fails(&home, 2, &["exec", "--", "ssh", "web.example.com", "true"]),
    );
    let home = web();
    home.configure("authority.toml", &format!("{CATALOGUE}["));
    let hint = fails(&home, 125, &["request", "ssh/web:deploy"]);
    home.configure("authority.toml", CATALOGUE);
    follow(&home, &hint);
    home.configure("policies/all.cedar", "");
    follow(&home, &fails(&home, 121, &["request", "ssh/web:deploy"]));
}

#[test]
fn what_is_unknown_is_listed_by_the_command_of_the_hint() {
    let home = web();
    works(&home, &["request", "ssh/web:deploy"]);
    let id = "01jexamp1e0000000000000000";
    for (code, args) in [
        (2, &["revoke", id][..]),
        (125, &["forget", "ssh/web:ops"]),
        (2, &["revoke", "ssh-web-deploy"]),
        (2, &["audit", "--principal", "alcie"]),
        (2, &["audit", "--resource", "ssh/wbe"]),
        (2, &["man", "exec", "nothing"]),
    ] {
        follow(&home, &fails(&home, code, args));
    }
}

#[test]
fn permissions_are_mended_by_the_command_of_the_hint() {
    let home = web();
    works(&home, &["request", "ssh/web:deploy"]);
    for (file, mode) in [
        (home.path("state/jit/ledger.db"), 0o644),
        (home.config().join("policies/all.cedar"), 0o666),
        (home.config().join("authority.toml"), 0o666),
        (home.path("state/jit"), 0o777),
    ] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let shown = file.display();
        let ran = run(&mut home.jit(["request", "ssh/web:ops", "-j", "x"]));
        assert_ne!(ran.code, 0, "{shown}: {ran:?}");
        let (_, hint) = ran.stderr.split_once("hint: ").expect("a hint");
        follow(&home, hint.trim_end());
        works(&home, &["request", "ssh/web:ops", "-j", "x"]);
        works(&home, &["revoke", "--all"]);
    }
}

#[test]
fn the_commands_of_doctor_are_ones_that_can_be_run() {
    let home = web();
    works(&home, &["request", "ssh/web:deploy"]);
    let ran = run(&mut home.jit(["doctor", "--offline", "--json"]));
    let hints = ran.stdout.lines().filter_map(|line| {
        let finding: Value = serde_json::from_str(line).unwrap();
        finding["hint"].as_str().map(str::to_owned)
    });
    let named: Vec<String> = hints.filter(|hint| hint.contains("jit ")).collect();
    assert!(!named.is_empty(), "{ran:?}");
    for hint in named {
        follow(&home, &hint);
    }
    let empty = Home::new();
    let ran = run(&mut empty.jit(["doctor"]));
    let (_, hint) = ran.stdout.split_once("→ ").expect("a hint");
    follow(&empty, hint.lines().next().unwrap());
}

#[test]
fn what_waits_for_people_goes_on_by_the_commands_of_the_hints() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let alice = Member::of(&serve, "alice", &[]);
    let bob = Member::of(&serve, "bob", &["approvers"]);
    let root = Member::of(&serve, "root", &["administrators"]);
    let ask = ["request", "ssh/web:root", "-j", "order 7"];
    let hint = fails(&alice.home, 122, &ask);
    let id = command(&hint).rsplit(' ').next().unwrap().to_owned();
    let own = fails(&alice.home, 121, &["approve", &id]);
    let listed = follow(&bob.home, &own);
    assert!(listed.stdout.contains(&id), "{listed:?}");
    follow(&bob.home, &hint);
    works(&alice.home, &ask);
    let decided = fails(&bob.home, 121, &["approve", &id]);
    follow(&bob.home, &decided);
    for (code, args) in [
        (2, &["principals", "disable", "alcie", "-j", "x"][..]),
        (2, &["enrolments", "remove", "nobody"]),
    ] {
        follow(&root.home, &fails(&root.home, code, args));
    }
}

#[test]
fn a_machine_comes_in_by_the_commands_of_the_hint() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let root = Member::of(&serve, "root", &["administrators"]);
    let home = Home::new();
    point(&home, &serve.url, Some(&serve.ca()));
    let made = run(&mut root.home.jit(["enrolments", "create", "build-7"]));
    let said = format!("{}{}", made.stdout, made.stderr);
    let code = said.rsplit("type ").next().unwrap().trim().to_owned();
    let join = command(&fails(&home, 121, &["login"]));
    assert!(said.contains(&join), "{said}");
    let mut words: Vec<&str> = join.split(' ').skip(1).collect();
    words.push(&code);
    works(&home, &words);
    works(&home, &["request", "ssh/web:deploy"]);
}
