//! `jit init` in empty, friendly and hostile homes: what it writes is right, and nothing else changes.

mod discover;

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::Value;

use crate::support::home::{Home, Ran, run};

const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://203.0.113.5:6443"}}]
users: [{name: u, user: {token: standing-secret}}]
contexts: [{name: prod, context: {cluster: c, user: u}}]
current-context: prod
"#;
const SSH: &str = "Host web\n  HostName web-1.example.com\n  User deploy\n";
const AWS: &str =
    "[profile prod]\nrole_arn = arn:aws:iam::123456789012:role/read\nsource_profile = default\n";
const SERVICES: &str = "[orders]\nhost=db.internal\nport=5432\ndbname=orders\nuser=orders_ro\n";

fn jit(home: &Home, args: &[&str]) -> Ran {
    run(&mut home.jit(args))
}

#[track_caller]
fn works(home: &Home, args: &[&str]) -> String {
    let ran = jit(home, args);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (0, ""),
        "{args:?}: {ran:?}"
    );
    ran.stdout
}

/// Every file below a directory, with its bytes and when it was last written.
fn tree(directory: &Path) -> Vec<(PathBuf, Vec<u8>, SystemTime)> {
    let mut files = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let written_at = path.metadata().unwrap().modified().unwrap();
                files.push((path.clone(), fs::read(&path).unwrap(), written_at));
            }
        }
    }
    files.sort();
    files
}

/// Runs `jit init` twice; the second time nothing changes. What the first said.
#[track_caller]
fn twice(home: &Home) -> String {
    let said = works(home, &["init"]);
    let first = tree(&home.path(""));
    let again = works(home, &["init"]);
    assert!(!again.contains("wrote"), "{again}");
    assert!(again.contains("kept"), "{again}");
    assert_eq!(tree(&home.path("")), first);
    said
}

#[test]
fn an_empty_home_gets_a_configuration_that_is_right() {
    let home = Home::new();
    let said = twice(&home);
    for name in ["config.toml", "authority.toml", "policies/10-routine.cedar"] {
        let wrote = format!("wrote   {}\n", home.config().join(name).display());
        assert!(said.contains(&wrote), "{said}");
    }
    let checked = works(&home, &["policy", "check"]);
    assert!(checked.ends_with("0 resources: all good\n"), "{checked}");
    assert!(checked.contains("the catalogue is empty"), "{checked}");
}

#[test]
fn what_the_users_tools_know_becomes_a_catalogue_that_works() {
    let home = Home::new();
    for (name, text) in [
        (".kube/config", KUBECONFIG),
        (".ssh/config", SSH),
        (".aws/config", AWS),
        (".pg_service.conf", SERVICES),
    ] {
        home.write(name, text);
    }
    let theirs = |home: &Home| [".kube", ".ssh", ".aws"].map(|name| tree(&home.path(name)));
    let before = theirs(&home);
    let said = twice(&home);
    assert_eq!(theirs(&home), before);
    for resource in ["ssh/web", "kubernetes/prod", "postgres/orders", "aws/prod"] {
        assert!(said.contains(&format!("found   {resource} (")), "{said}");
    }
    let all = tree(&home.config());
    let leaked = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("standing-secret");
    assert!(!all.iter().any(|(_, bytes, _)| leaked(bytes)));
    assert!(works(&home, &["policy", "check"]).ends_with("1 resource: all good\n"));

    // What nothing says would trust us waits for its reader.
    let file = home.config().join("authority.toml");
    let text = fs::read_to_string(file).unwrap();
    let (before, block) = text.split_once("# [resources.\"ssh/web\"]").unwrap();
    let (block, after) = block.split_once("\n\n").unwrap();
    let block = block.replace("\n# ", "\n");
    let text = format!("{before}[resources.\"ssh/web\"]{block}\n\n{after}");
    home.configure("authority.toml", &text);
    let explained = works(&home, &["policy", "explain", "ssh/web:deploy"]);
    assert!(explained.contains("routine"), "{explained}");
    let asked = works(&home, &["request", "ssh/web:deploy"]);
    assert!(asked.starts_with("ssh/web:deploy "), "{asked}");
    let unknown = jit(&home, &["policy", "explain", "ssh/wbe:deploy"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(
        unknown.stderr.contains("hint: did you mean \"ssh/web\"?"),
        "{unknown:?}"
    );
}

#[test]
fn an_explanation_names_who_decides_and_what_is_near() {
    let home = Home::new();
    home.configure(
        "authority.toml",
        "[resources.\"ssh/web\"]\nhosts = [\"w\"]\nroles.ops.tier = \"elevated\"\nroles.root.tier = \"sensitive\"\n",
    );
    works(&home, &["init"]);
    let silent = works(&home, &["policy", "explain", "ssh/web:ops"]);
    assert!(
        silent.contains("elevated") && silent.contains("-j"),
        "{silent}"
    );
    assert!(!silent.contains("needs a server"), "{silent}");
    let sensitive = ["policy", "explain", "ssh/web:root"];
    let alone = works(&home, &sensitive);
    assert!(alone.contains("needs a server (jit serve)"), "{alone}");
    home.configure("server.toml", "");
    let served = works(&home, &sensitive);
    assert!(!served.contains("needs a server"), "{served}");
    fs::remove_file(home.config().join("server.toml")).unwrap();
    let json = works(&home, &["--json", "policy", "explain", "ssh/web:root"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json.to_string().contains("sensitive"), "{json}");
    let robot = works(
        &home,
        &[
            "policy",
            "explain",
            "ssh/web:ops",
            "--as",
            "agent/robot",
            "-j",
            "x",
        ],
    );
    assert!(
        robot.starts_with("robot may not have ssh/web:ops\n"),
        "{robot}"
    );
}

#[test]
fn hostile_names_are_cut_down_or_left_out() {
    let home = Home::new();
    home.write(
        ".ssh/config",
        "Host a,b\n HostName x.example.com\nHost $(touch\u{20}pwned)\n HostName y.example.com\n\
         Host good\n HostName g.example.com\n User \"ro ot;id\"\nHost -oProxyCommand=id\n HostName z\n\
         Host esc\u{1b}[2J\n HostName \"h\\\"]\\nroles.x={}\"\n",
    );
    home.write(
        ".pg_service.conf",
        "[or\"ders]\n[resources.\"ssh/evil\"]\nhost=db\u{7}\nuser=\"x\"\n[;drop]\nhost=h\nuser=a'b\ndbname=\"]\n",
    );
    home.write(
        ".aws/config",
        "[profile \"p q\"]\nrole_arn = arn:aws:iam::123456789012:role/a\"b\nregion=\"\"\"\n",
    );
    home.write(
        ".kube/config",
        "clusters: [{name: c, cluster: {server: \"https://h/\\n[x]\"}}]\ncontexts: [{name: \"a\\nb = 1\", context: {cluster: c}}]\n",
    );
    let said = twice(&home);
    assert!(
        !said.contains('\u{1b}') && !said.contains('\u{7}'),
        "{said:?}"
    );
    works(&home, &["policy", "check"]);
    let catalogue = fs::read_to_string(home.config().join("authority.toml")).unwrap();
    assert!(
        !catalogue.contains("[resources.\"ssh/evil\"]"),
        "{catalogue}"
    );
    assert!(!home.path("pwned").exists());
}

#[test]
fn foreign_files_that_are_malformed_are_said_and_skipped() {
    let home = Home::new();
    home.write(".kube/config", "a: [\n");
    home.write(".aws/config", "[profile x\nrole_arn\n= =\n");
    home.write(".ssh/good", SSH);
    fs::write(home.path(".ssh/config"), b"Include good\n\xff\xfe\n").unwrap();
    fs::create_dir(home.path(".pg_service.conf")).unwrap();
    let said = works(&home, &["init"]);
    for (name, why) in [
        (
            ".kube/config",
            "is not a kubeconfig that jit can read (line 1)",
        ),
        (".ssh/config", "is not UTF-8 text"),
        (".pg_service.conf", "cannot be read"),
    ] {
        let skipped = format!("skipped {} {why}", home.path(name).display());
        assert!(said.contains(&skipped), "{said}");
    }
    works(&home, &["policy", "check"]);
}

#[test]
fn what_is_there_is_kept_be_it_wrong() {
    let home = Home::new();
    let file = home.configure("authority.toml", "[resources.\"shs/web\"]\n");
    twice(&home);
    assert_eq!(
        fs::read_to_string(file).unwrap(),
        "[resources.\"shs/web\"]\n"
    );
    let checked = jit(&home, &["policy", "check"]);
    assert_eq!(checked.code, 125, "{checked:?}");
    assert!(checked.stderr.contains("authority.toml:1"), "{checked:?}");
}

#[test]
fn what_comes_next_in_a_directory_of_its_own_names_that_directory() {
    let home = Home::new();
    let there = home.path("etc jit");
    fs::create_dir(&there).unwrap();
    let ran = run(home.jit(["init", "--config-dir"]).arg(&there));
    assert_eq!(ran.code, 0, "{ran:?}");
    let check = format!("jit policy check --config-dir '{}'", there.display());
    let serve = format!("jit serve --config '{}'", there.display());
    assert!(ran.stdout.contains(&check), "{ran:?}");
    assert!(ran.stdout.contains(&serve), "{ran:?}");
    assert!(!ran.stdout.contains("jit exec"), "{ran:?}");
    let usual = run(&mut home.jit(["init"]));
    assert!(
        usual.stdout.contains("then run: jit policy check\n"),
        "{usual:?}"
    );
}
