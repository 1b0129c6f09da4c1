//! This machine, and what jit has on it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio};

use insta::assert_snapshot;

use crate::support::held::lease_file;

use super::{Home, Ran, findings, hints, home, jit, run, says};

const SECRET: &str = "hunter2";

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

const EVERY_KIND: &str = r#"
[resources."ssh/web"]
hosts = ["web.example.com"]
roles.deploy = {}

[resources."kubernetes/prod"]
server = "https://203.0.113.5:6443"
contexts = ["prod"]
issuer = "token-request"
credential = "env:BASE"
roles.view = { service_account = "jit/view" }

[resources."postgres/orders"]
hosts = ["db.internal:5432"]
databases = ["orders"]
issuer = "certificate"
roles.read = { role = "orders_ro" }

[resources."aws/prod"]
account = "123456789012"
profiles = ["prod"]
base_profile = "base"
issuer = "assume-role"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }
"#;

/// A home with a resource of each kind, tools of known versions, and standing credentials of many
/// kinds, each with the same secret.
fn littered() -> Home {
    let home = home(EVERY_KIND);
    for (tool, says) in [
        ("ssh", "OpenSSH_8.4p1, OpenSSL 1.1.1 >&2"),
        (
            "kubectl",
            "'{\"clientVersion\": {\"gitVersion\": \"v1.30.2\"}}'",
        ),
        ("psql", "'psql (PostgreSQL) 15.8'"),
        ("aws", "aws-cli/2.15.30"),
        ("git", "git version 2.39.5"),
    ] {
        home.tool(tool, &format!("echo {says}"));
    }
    home.write(
        ".aws/credentials",
        &format!(
            "[prod]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n\
             [base]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n\
             [old]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n"
        ),
    );
    home.write(
        ".kube/config",
        &format!(
            "contexts:\n- name: prod\n  context:\n    cluster: c\n    user: mine\n\
             clusters:\n- name: c\n  cluster:\n    server: https://203.0.113.5:6443\n\
             users:\n- name: mine\n  user:\n    token: {SECRET}\n\
             - name: theirs\n  user:\n    client-key-data: {SECRET}\n"
        ),
    );
    home.write(
        ".pgpass",
        &format!("db.internal:5432:orders:me:{SECRET}\nelsewhere:5432:*:me:{SECRET}\n"),
    );
    home.write(
        ".pg_service.conf",
        &format!(
            "[stock]\nhost=db.internal\npassword={SECRET}\n[far]\nhost=far\npassword={SECRET}\n"
        ),
    );
    home.write(
        ".ssh/id_rsa",
        &format!("-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\n"),
    );
    home.write(
        ".ssh/id_sealed",
        &format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{SECRET}\n"),
    );
    home
}

fn offline(home: &Home, args: &[&str]) -> Ran {
    let mut command = home.jit([&["doctor", "--offline"], args].concat());
    command.env("BASE", SECRET).env("PGPASSWORD", SECRET);
    let ran = run(&mut command);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(!ran.stdout.contains(SECRET), "{ran:?}");
    ran
}

#[test]
fn one_screen_says_what_is_good_and_what_to_do() {
    let home = littered();
    let text = offline(&home, &[]).stdout;
    // What setup would do is another room's to tell, and counts in the summary.
    let lines: Vec<&str> = text.lines().collect();
    let (summary, lines) = lines.split_last().unwrap();
    assert!(summary.contains(" ok, 3 notes, "), "{summary}");
    let from = lines
        .iter()
        .position(|line| line.contains("  setup  "))
        .unwrap();
    let to = lines
        .iter()
        .position(|line| line.contains("  kubernetes/prod  "))
        .unwrap();
    let lines = [&lines[..from], &lines[to..]].concat();
    let steady = lines
        .join("\n")
        .replace(&home.path("").display().to_string(), "~/");
    assert_snapshot!(steady, @r#"
    note  keyring          no sealing key yet: the first credential makes one
    ok    directories      nobody else can write the configuration or reach state, cache and runtime
    ok    configuration    3 policies, 4 resources
    warn  configuration    postgres/orders: no certificate_authority is named, so connections are encrypted and nothing verifies the server
    note  ledger           nothing is recorded yet
    warn  ssh              ~/bin/ssh is 8.4, which cannot take what jit setup ssh writes
                           → update it to 8.5 or later
    ok    git              2.39 (~/bin/git)
    ok    kubectl          1.30 (~/bin/kubectl)
    ok    psql             15.8 (~/bin/psql)
    ok    aws              2.15 (~/bin/aws)
    warn  kubernetes/prod  the context "prod" logs in with a token of its own (user "mine")
                           → let it ask jit: jit setup kubernetes
    warn  postgres/orders  ~/.pgpass, line 1, holds a password for db.internal:5432
                           → take the line out; psql needs none with jit
    warn  postgres/orders  ~/.pg_service.conf, service stock, holds a password for it
                           → take the password out; libpq needs none with jit
    warn  aws/prod         aws_access_key_id of profile prod in ~/.aws/credentials, line 2, wins over what jit gives
                           → take [prod] out of ~/.aws/credentials; where jit needs it as base credentials, rename it and name it as base_profile in authority.toml
    warn  environment      PGPASSWORD is set, and libpq gives it to any server that asks
                           → unset PGPASSWORD
    note  standing         the key of profile base in ~/.aws/credentials is what aws/prod is reached with
    warn  standing         static AWS keys in ~/.aws/credentials: old
                           → let jit assume a role instead (jit init --discover), then delete the keys
    warn  standing         users of your kubeconfig with credentials of their own: theirs (a client key)
                           → let jit reach the clusters (jit init --discover), then remove the users
    warn  standing         passwords in ~/.pgpass: me@elsewhere:5432
                           → let jit reach the servers (jit init --discover), then remove the lines
    warn  standing         private keys without a passphrase in ~/.ssh: id_rsa
                           → take them out of authorized_keys where jit opens the host
    warn  standing         private keys in ~/.ssh: id_sealed
                           → take them out of authorized_keys where jit opens the host
    "#);
}

#[test]
fn a_shell_without_wrappers_is_told_of_until_it_has_them() {
    let home = littered();
    home.write(".bashrc", "alias ll='ls -l'\n");
    let note =
        "note  setup            shell: its wrappers and prompt are not there or not up to date";
    assert!(offline(&home, &[]).stdout.contains(note));
    assert!(!offline(&home, &["aws/prod"]).stdout.contains("shell:"));
    let done = run(&mut home.jit(["setup", "shell"]));
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!offline(&home, &[]).stdout.contains("shell:"));
}

#[test]
fn a_program_reads_the_same_as_objects() {
    let home = littered();
    let text = offline(&home, &[]).stdout;
    let ran = offline(&home, &["--json"]);
    let found = findings(&ran);
    assert_eq!(
        found.len(),
        text.lines().filter(|line| !line.starts_with(' ')).count() - 1
    );
    let lines: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| line.contains("aws/prod"))
        .collect();
    let steady = lines
        .join("\n")
        .replace(&home.path("").display().to_string(), "~/");
    assert_snapshot!(steady, @r#"
    {"check":"shadows","level":"warn","subject":"aws/prod","says":"aws_access_key_id of profile prod in ~/.aws/credentials, line 2, wins over what jit gives","hint":"take [prod] out of ~/.aws/credentials; where jit needs it as base credentials, rename it and name it as base_profile in authority.toml"}
    {"check":"standing","level":"note","subject":"standing","says":"the key of profile base in ~/.aws/credentials is what aws/prod is reached with"}
    "#);
}

#[test]
fn asked_about_one_it_speaks_of_that_one() {
    let home = littered();
    let ran = offline(&home, &["--json", "postgres/orders"]);
    let found = findings(&ran);
    let about = |check: &str| {
        let subjects = found.iter().filter(|one| one["check"] == check);
        subjects
            .map(|one| one["subject"].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(about("tools"), ["psql"]);
    assert_eq!(
        about("shadows"),
        ["postgres/orders", "postgres/orders", "environment"]
    );
    assert_eq!(about("standing"), [""; 0]);
    let unknown = jit(&home, &["doctor", "postgres/order"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("did you mean \"postgres/orders\"?"));
}

#[test]
fn what_is_wrong_with_jits_own_things_is_named_with_the_command_that_mends_it() {
    let home = home("[resources.\"ssh/web\"]\nhosts = [\"w\"]\nroles.deploy = {}\n");
    let asked = jit(&home, &["request", "ssh/web:deploy"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    let good = jit(&home, &["doctor", "--offline", "--json"]);
    assert_eq!(
        says(&good, "ledger", "ledger"),
        "ok: 2 entries, and the chain is whole"
    );
    assert!(
        says(&good, "keyring", "keyring").starts_with("ok: "),
        "{good:?}"
    );
    assert!(says(&good, "directories", "directories").starts_with("ok: "));

    let chmod = |name: &str, mode| {
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let ailing = |check: &str, what: &str| {
        let ran = jit(&home, &["doctor", "--offline", "--json"]);
        assert_eq!(ran.code, 125, "{ran:?}");
        let said = says(&ran, check, check);
        assert!(said.starts_with("fail: ") && said.contains(what), "{said}");
        hints(&ran)
    };
    chmod("state/jit/sealing.key", 0o644);
    assert!(ailing("keyring", "can be reached by other users").contains("chmod 600"));
    chmod("state/jit/sealing.key", 0o600);
    chmod("cache/jit/leases", 0o755);
    assert!(ailing("directories", "can be reached by other users").contains("chmod 700"));
    chmod("cache/jit/leases", 0o700);
    chmod("config/jit/authority.toml", 0o666);
    assert!(ailing("configuration", "can be written by other users").contains("chmod go-w"));
    chmod("config/jit/authority.toml", 0o600);
    home.configure("policies/wrong.cedar", "permit (principal");
    ailing("configuration", "wrong.cedar");
    fs::remove_file(home.config().join("policies/wrong.cedar")).unwrap();
    chmod("state/jit/ledger.db", 0o644);
    ailing("ledger", "can be reached by other users");
    chmod("state/jit/ledger.db", 0o600);
    home.write("state/jit/ledger.db-wal", "");
    home.write("state/jit/ledger.db", "no database");
    ailing("ledger", "not a database");
}

#[test]
fn with_a_server_in_the_configuration_nothing_here_is_asked() {
    let home = home("[resources.\"ssh/web\"]\nhosts = [\"w\"]\nroles.deploy = {}\n");
    home.configure("config.toml", "server = \"https://jit.example.com\"\n");
    let ran = jit(&home, &["doctor", "--json"]);
    let said = says(&ran, "configuration", "configuration");
    assert!(
        said.starts_with("ok: https://jit.example.com decides"),
        "{ran:?}"
    );
    let said = says(&ran, "server", "server");
    assert!(said.starts_with("fail: the server"), "{ran:?}");
    assert_eq!(says(&ran, "targets", "ssh/web"), "");
    assert_eq!(ran.code, 125);
}

#[test]
fn a_lease_that_cannot_be_opened_is_counted_and_kept() {
    let home = home("[resources.\"ssh/web\"]\nhosts = [\"w\"]\nroles.deploy = {}\n");
    jit(&home, &["request", "ssh/web:deploy"]);
    let lease = lease_file(&home, "ssh/web:deploy");
    fs::write(&lease, "cut off").unwrap();
    let ran = jit(&home, &["doctor", "--offline", "--json"]);
    assert_eq!(
        says(&ran, "leftovers", "leftovers"),
        "note: cached leases that cannot be opened: 1"
    );
    assert!(lease.exists());
}

#[test]
fn hostile_names_move_no_cursor_and_a_broken_file_is_no_failure_of_ours() {
    let home = home(EVERY_KIND);
    home.write(
        ".kube/config",
        "users:\n- {name: \"a\\e[2J\\nfail  x\", user: {token: t}}\n",
    );
    home.write(".aws/credentials", "nonsense\n");
    home.write(".pgpass", "a\u{1b}[2J:1:b:c:d\n");
    let mut command = home.jit(["doctor", "--offline"]);
    let ran = run(command.env("BASE", "x"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
    assert!(!ran.stdout.contains("\nfail"), "{ran:?}");
    assert!(
        ran.stdout.contains("is no setting and no section"),
        "{ran:?}"
    );
}

#[test]
fn on_a_terminal_one_sees_what_is_waited_for_until_it_is_there() {
    let home = littered();
    let screen = home.path("screen");
    let mut terminal = home.command(Path::new("script"));
    let jit = env!("CARGO_BIN_EXE_jit");
    terminal
        .env("BASE", SECRET)
        .args(["-q", "-e", "-f", "-c"])
        .arg(format!("stty cols 60; '{jit}' doctor --offline"))
        .arg(&screen)
        .stdout(Stdio::null());
    assert!(terminal.status().unwrap().success());
    let shown = fs::read_to_string(&screen).unwrap();
    let erase = "\r\u{1b}[2K";
    assert!(
        shown.contains("\r\u{1b}[2Kjit: looking at the keyring, "),
        "{shown:?}"
    );
    let (progress, rest) = shown.rsplit_once(erase).unwrap();
    assert!(rest.starts_with("note  keyring "), "{rest:?}");
    assert!(!rest.contains("looking at"), "{rest:?}");
    let widest = progress
        .split(erase)
        .skip(1)
        .map(|line| line.chars().count())
        .max();
    assert!(
        widest < Some(60),
        "a line that wraps is not erased: {progress:?}"
    );
}
