//! What TAB offers behind `jit`, in real shells: what this machine knows, and nothing is made or asked.

mod tab;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use insta::assert_snapshot;

use crate::support::{
    Home,
    held::{home_with_leases, lease_file},
    run,
    skip::skip,
    whereabouts::{copy_jit, is_root, jit, program},
};

const CATALOGUE: &str = r#"
[groups]
on-call = ["alice", "bob"]

[resources."ssh/web"]
hosts = ["web.invalid"]
roles.deploy = {}
roles.root = { tier = "sensitive" }

[resources."aws/prod"]
account = "123456789012"
region = "eu-west-1"
issuer = "assume-role"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }

[resources."kubernetes/prod"]
server = "https://kubernetes.invalid:6443"
issuer = "token-request"
credential = "file:absent.token"
roles.view = { service_account = "jit/view" }
roles.view-all = { service_account = "jit/view", tier = "elevated" }
roles.admin = { service_account = "jit/admin", tier = "sensitive" }
"#;

fn home() -> Home {
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    home.tool("frob", "exit 0");
    symlink(jit(), home.path("bin/jit")).unwrap();
    home
}

fn is_there(shell: &str) -> bool {
    let there = program(shell, None).is_some();
    if !there {
        skip(&format!("{shell} is missing (Debian: {shell})"));
    }
    there
}

/// The words that `jit` offers for the last word of a line, each with what it is.
fn offered(home: &Home, words: &[&str]) -> String {
    let ran = run(&mut home.jit([&["complete", "--", "jit"], words].concat()));
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{words:?}: {ran:?}");
    ran.stdout.replace('\t', "  # ")
}

#[test]
fn each_argument_is_completed_by_what_it_is() {
    let home = home();
    let all: [&[&str]; 12] = [
        &["request", "kub"],
        &["request", "kubernetes/prod:v"],
        &["policy", "explain", "ssh"],
        &["credential-process", ""],
        &["exec", "--on", ""],
        &["exec", "--on=ssh"],
        &["exec", "--role", ""],
        &["exec", "--on", "ssh/web", "--role", ""],
        &["audit", "--resource=ssh/web", "--role", ""],
        &["policy", "explain", "ssh/web:root", "--group", ""],
        &["man", "pol"],
        &["--config-dir", ""],
    ];
    let shown = all.map(|words| format!("{words:?}\n{}", offered(&home, words)));
    assert_snapshot!(shown.join(""), @r#"
    ["request", "kub"]
    kubernetes/prod:admin  # sensitive
    kubernetes/prod:view  # routine
    kubernetes/prod:view-all  # elevated
    ["request", "kubernetes/prod:v"]
    kubernetes/prod:view  # routine
    kubernetes/prod:view-all  # elevated
    ["policy", "explain", "ssh"]
    ssh/web:deploy  # routine
    ssh/web:root  # sensitive
    ["credential-process", ""]
    aws/prod:read  # routine
    ["exec", "--on", ""]
    ssh/web  # deploy, root
    kubernetes/prod  # admin, view, view-all
    aws/prod  # read
    ["exec", "--on=ssh"]
    --on=ssh/web  # deploy, root
    ["exec", "--role", ""]
    admin  # kubernetes/prod
    deploy  # ssh/web
    read  # aws/prod
    root  # ssh/web
    view  # kubernetes/prod
    view-all  # kubernetes/prod
    ["exec", "--on", "ssh/web", "--role", ""]
    deploy  # routine
    root  # sensitive
    ["audit", "--resource=ssh/web", "--role", ""]
    deploy  # routine
    root  # sensitive
    ["policy", "explain", "ssh/web:root", "--group", ""]
    on-call  # alice, bob
    ["man", "pol"]
    policy  # Check what you wrote, or explain who may have what
    ["--config-dir", ""]
    /  #
    "#);
}

#[test]
fn what_is_held_is_said_and_only_that_can_be_forgotten_or_revoked() {
    let home = home_with_leases();
    assert_snapshot!(offered(&home, &["request", ""]), @r#"
    ssh/held:deploy  # routine, 59m left
    kubernetes/held:view  # routine, 59m left
    postgres/held:read  # routine, 59m left
    aws/held:read  # routine, 59m left
    "#);
    assert_snapshot!(offered(&home, &["forget", "a"]), @"aws/held:read  # 59m left");
    let grants = offered(&home, &["revoke", ""]);
    assert_eq!(grants.lines().count(), 4, "{grants}");
    assert!(
        grants.contains("  # ssh/held:deploy, 59m left\n"),
        "{grants}"
    );
    assert_eq!(offered(&home, &["audit", "--grant", ""]), grants);
}

#[test]
fn hidden_verbs_stay_hidden_and_options_wait_for_a_dash() {
    let home = home();
    for begun in ["agent", "tidy", "complete "] {
        assert_eq!(offered(&home, &[begun]), "");
    }
    assert!(offered(&home, &["comple"]).starts_with("completions  # "));
    let verbs = offered(&home, &[""]);
    let help = offered(&home, &["help", ""]);
    for hidden in ["agent  #", "tidy  #", "delegated", "complete  #"] {
        assert!(
            !verbs.contains(hidden) && !help.contains(hidden),
            "{verbs}{help}"
        );
    }
    assert!(
        verbs.contains("exec-credential  # ") && !verbs.contains("--json"),
        "{verbs}"
    );
    assert!(offered(&home, &["request", "-"]).contains("--ttl  # "));
    assert!(offered(&home, &["status", ""]).contains("--json  # "));
}

#[test]
fn what_is_broken_is_not_offered_and_nothing_is_said_or_dropped() {
    let home = home_with_leases();
    let truncated = lease_file(&home, "aws/held:read");
    let shared = lease_file(&home, "ssh/held:deploy");
    fs::write(&truncated, "x").unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(offered(&home, &["forget", "a"]), "");
    assert_eq!(offered(&home, &["forget", "s"]), "");
    assert!(offered(&home, &["forget", "k"]).starts_with("kubernetes/held:view"));
    assert_eq!(
        offered(&home, &["request", "aws/held:"]),
        "aws/held:read  # routine\n"
    );
    assert!(
        truncated.exists() && shared.exists(),
        "it is left to the command"
    );

    home.configure("authority.toml", "[resources.\"ssh/web\"\n");
    assert_eq!(offered(&home, &["request", "ssh"]), "");
    assert_eq!(offered(&home, &["exec", "--on", ""]), "");
    assert!(offered(&home, &["exe"]).starts_with("exec  # "));
    // What would be more than a word in the shell's line is not put into it.
    home.configure(
        "authority.toml",
        "[groups]\n\"$(id)\" = [\"al\"]\nops = []\n",
    );
    assert_eq!(
        offered(&home, &["policy", "explain", "x", "--group", ""]),
        "ops  # \n"
    );
    assert_eq!(offered(&home, &["audit", "--principal", ""]), "al  # \n");
}

/// A user whom no database knows has no home where none is named.
#[test]
fn without_a_home_there_are_still_verbs() {
    let home = Home::new();
    let file = home.path("jit");
    copy_jit(&file);
    fs::set_permissions(home.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid", "54321", "--clear-groups"]);
    }
    command.arg(&file).env_clear().env("PATH", "/usr/bin:/bin");
    for (words, begins) in [(["exe"].as_slice(), "exec\t"), (&["request", "s"], "")] {
        let ran = run(command.args(["complete", "--", "jit"]).args(words));
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{words:?}: {ran:?}");
        assert!(ran.stdout.starts_with(begins), "{ran:?}");
    }
}

#[test]
fn a_tab_asks_nobody_and_makes_nothing() {
    if !is_there("strace") {
        return;
    }
    let home = home_with_leases();
    let log = home.path("calls");
    let before = files(&home.path(""));
    for words in [
        &["request", ""][..],
        &["forget", ""],
        &["revoke", ""],
        &["exec", "--role", ""],
    ] {
        let mut command = home.command(Path::new("strace"));
        command.args(["-f", "-o"]).arg(&log).arg(jit());
        let ran = run(command.args(["complete", "--", "jit"]).args(words));
        assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
        assert!(ran.stdout.contains("held"), "{ran:?}");
        let calls = fs::read_to_string(&log).unwrap();
        fs::remove_file(&log).unwrap();
        let does = |call: &&str| {
            NEVER.iter().any(|name| call.contains(&format!(" {name}(")))
                || call.contains("O_CREAT")
                || call.contains("O_WRONLY")
                || call.contains("O_RDWR")
        };
        assert_eq!(calls.lines().find(does), None, "{words:?}");
    }
    // A machine on which jit never ran stays one.
    let fresh = Home::new();
    let empty = files(&fresh.path(""));
    assert_eq!(offered(&fresh, &["request", "x"]), "");
    assert_eq!(offered(&fresh, &["revoke", "x"]), "");
    assert_eq!(files(&fresh.path("")), empty);
    assert_eq!(files(&home.path("")), before);
}

/// What speaks to somebody, starts something, or changes a file.
const NEVER: [&str; 14] = [
    "socket", "connect", "bind", "clone", "clone3", "fork", "vfork", "mkdir", "mkdirat", "unlink",
    "rename", "link", "fchmod", "truncate",
];

/// Every file below a directory, with its bytes.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.clone(), Vec::new());
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}
