//! `jit init` in empty, friendly and hostile homes: what it writes is right, and nothing else changes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{
    home::{Home, Ran, run},
    whereabouts::user_name,
};

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

const SECRET: &str = "hunter2";

/// A home whose tools know much, with a standing credential for most of it.
fn littered() -> Home {
    let home = Home::new();
    home.write(".ssh/config", SSH);
    home.write(
        ".ssh/known_hosts",
        "web-1.example.com ssh-ed25519 AAAA\n[db-7.example.com]:2222,10.0.0.7 ssh-ed25519 AAAA\n\
         |1|x=|y= ssh-ed25519 AAAA\ngithub.com ssh-ed25519 AAAA\n",
    );
    home.write(
        ".ssh/id_rsa",
        &format!("-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n"),
    );
    home.write(
        ".kube/config",
        &KUBECONFIG.replace("standing-secret", SECRET),
    );
    home.write(".pg_service.conf", SERVICES);
    home.write(
        ".pgpass",
        &format!(
            "# mine\ndb.internal:5432:orders:orders_ro:{SECRET}\n\
             db2.internal:5433:orders:postgres:{SECRET}\n*:*:*:me:{SECRET}\n"
        ),
    );
    home.write(".aws/config", AWS);
    home.write(
        ".aws/credentials",
        &format!(
            "[default]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n\
             [old]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n"
        ),
    );
    home
}

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
    assert!(works(&home, &["policy", "check"]).ends_with("3 resources: all good\n"));

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
        (".kube/config", "is not a kubeconfig (line 1)"),
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
fn what_a_catalogue_does_not_have_is_printed_and_nothing_is_written() {
    let home = littered();
    home.configure(
        "authority.toml",
        "[resources.\"ssh/hosts\"]\nhosts = [\"web-*.example.com\"]\nroles.deploy = {}\n\
         [resources.\"postgres/orders\"]\nhosts = [\"db.internal:5432\"]\nissuer = \"certificate\"\n\
         roles.read.role = \"orders_ro\"\n",
    );
    let before = tree(&home.path(""));
    let said = works(&home, &["init", "--discover"]);
    assert_eq!(tree(&home.path("")), before);
    assert!(!said.contains(SECRET), "{said}");
    let steady = said.replace(&home.config().display().to_string(), "~");
    // As whom one logs in is who one is here.
    let (steady, login) = steady.trim_end().rsplit_once('\n').unwrap();
    assert!(
        login.starts_with(&format!("# roles.\"{}\" = ", user_name())),
        "{login}"
    );
    assert_snapshot!(steady, @r##"
    # What your tools know and the catalogue does not have; append to ~/authority.toml what you want.

    # From the contexts ["prod"] of your kubeconfig.
    # It would take the place of a token of your kubeconfig's user "u".
    # It still needs a token in the file that `credential` names; then remove the "# " before each line:
    # [resources."kubernetes/prod"]
    # server = "https://203.0.113.5:6443"
    # contexts = ["prod"]
    # issuer = "token-request"
    # credential = "file:prod.token"
    # roles."view" = { service_account = "jit/view" }
    # roles."edit" = { service_account = "jit/edit", tier = "elevated" }
    # roles."admin" = { service_account = "jit/admin", tier = "sensitive" }

    # From the AWS profiles ["prod"].
    [resources."aws/prod"]
    account = "123456789012"
    profiles = ["prod"]
    issuer = "assume-role"
    base_profile = "default"
    roles."read" = { arn = "arn:aws:iam::123456789012:role/read" }

    # From the password file of PostgreSQL, line 3.
    # It would take the place of the password in that line, of "postgres".
    [resources."postgres/orders-2"]
    hosts = ["db2.internal:5433"]
    databases = ["orders"]
    issuer = "certificate"
    roles."postgres" = { role = "postgres", tier = "sensitive" }

    # From the AWS profile "old".
    # It would take the place of the static key of profile "old".
    # It still needs the account's number, instead of 000000000000, and the role that jit may assume, instead of ROLE; then remove the "# " before each line:
    # [resources."aws/old"]
    # account = "000000000000"
    # profiles = ["old"]
    # issuer = "assume-role"
    # roles."read" = { arn = "arn:aws:iam::000000000000:role/ROLE" }

    # From "db-7.example.com" in ~/.ssh/known_hosts.
    # It would take the place of your keys there: ["id_rsa"].
    # It still needs a look whether the host is yours, and as whom you log in; then remove the "# " before each line:
    # [resources."ssh/db-7"]
    # hosts = ["db-7.example.com"]
    "##);

    // Whoever appends all of it has a catalogue that is right.
    let file = home.config().join("authority.toml");
    let whole = fs::read_to_string(&file).unwrap() + &said;
    home.configure("authority.toml", &whole);
    works(&home, &["policy", "check"]);
    let again = works(&home, &["init", "--discover"]);
    assert!(again.starts_with("# Your tools know nothing"), "{again}");
}

#[test]
fn a_program_learns_the_same_as_a_list() {
    let home = littered();
    let said = works(&home, &["--json", "init", "--discover"]);
    assert!(!said.contains(SECRET), "{said}");
    let report: Value = serde_json::from_str(&said).unwrap();
    let found = report["found"].as_array().unwrap();
    let names: Vec<&str> = found
        .iter()
        .map(|one| one["resource"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "ssh/web",
            "kubernetes/prod",
            "postgres/orders",
            "aws/prod",
            "postgres/orders-2",
            "aws/old",
            "ssh/db-7"
        ]
    );
    assert_eq!(found[5]["replaces"], "the static key of profile \"old\"");
    assert!(!home.config().exists());

    // Where no catalogue is there, the same finds become one.
    let wrote = works(&home, &["init"]);
    for name in names {
        assert!(wrote.contains(&format!("found   {name} (")), "{wrote}");
    }
    works(&home, &["policy", "check"]);
    let nothing = works(&home, &["init", "--discover"]);
    assert!(
        nothing.starts_with("# Your tools know nothing"),
        "{nothing}"
    );
}

#[test]
fn discovering_passes_over_what_is_malformed_and_says_so() {
    let home = Home::new();
    home.write(".aws/credentials", "nonsense\n");
    home.write(".kube/config", "a: [\n");
    fs::create_dir(home.path(".pgpass")).unwrap();
    home.write(".ssh/config", SSH);
    let said = works(&home, &["init", "--discover"]);
    for why in [
        "is no setting and no section",
        "is not a kubeconfig",
        ".pgpass cannot be read",
    ] {
        let skipped = said.lines().find(|line| line.contains(why));
        assert!(
            skipped.is_some_and(|line| line.starts_with("# Skipped: ")),
            "{why}: {said}"
        );
    }
    assert!(said.contains("[resources.\"ssh/web\"]"), "{said}");
    home.configure("authority.toml", "[resources.\"shs/web\"]\n");
    let wrong = jit(&home, &["init", "--discover"]);
    assert_eq!(wrong.code, 125, "{wrong:?}");
    assert!(wrong.stderr.contains("authority.toml:1"), "{wrong:?}");
}
