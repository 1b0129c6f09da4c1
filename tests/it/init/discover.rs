//! `jit init --discover`: what the user's tools know and the catalogue does not have.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use super::{AWS, Home, KUBECONFIG, SERVICES, SSH, jit, tree, works};
use crate::support::whereabouts::user_name;

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

/// The same with a catalogue that has two of these already.
fn catalogued() -> Home {
    let home = littered();
    home.configure(
        "authority.toml",
        "[resources.\"ssh/hosts\"]\nhosts = [\"web-*.example.com\"]\nroles.deploy = {}\n\
         [resources.\"postgres/orders\"]\nhosts = [\"db.internal:5432\"]\nissuer = \"certificate\"\n\
         roles.read.role = \"orders_ro\"\n",
    );
    home
}

#[test]
fn what_a_catalogue_does_not_have_is_printed_and_nothing_is_written() {
    let home = catalogued();
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
    # It still needs a look whether it trusts this authority ("jit trust" prints what makes it); then remove the "# " before each line:
    # [resources."postgres/orders-2"]
    # hosts = ["db2.internal:5433"]
    # databases = ["orders"]
    # issuer = "certificate"
    # roles."postgres" = { role = "postgres", tier = "sensitive" }

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
}

#[test]
fn whoever_appends_all_of_it_has_a_catalogue_that_is_right() {
    let home = catalogued();
    let said = works(&home, &["init", "--discover"]);
    let file = home.config().join("authority.toml");
    let whole = fs::read_to_string(&file).unwrap() + &said;
    home.configure("authority.toml", &whole);
    works(&home, &["policy", "check"]);
    let again = works(&home, &["init", "--discover"]);
    let waits = "commented out until you say what is missing there: ";
    let (_, names) = again.split_once(waits).expect("what waits is named");
    assert!(
        names.contains("postgres/orders, aws/old, ssh/db-7.\n"),
        "{again}"
    );
    assert!(again.contains("# Your tools know nothing else"), "{again}");
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
        nothing.contains("# Your tools know nothing else"),
        "{nothing}"
    );
}

#[test]
fn discovering_passes_over_what_is_malformed_and_says_so() {
    let home = Home::new();
    home.write(".aws/credentials", "nonsense\n");
    home.write(".kube/config", "a: [\n");
    fs::create_dir(home.path(".pgpass")).unwrap();
    home.write(
        ".ssh/config",
        &format!("{SSH}Host *.corp.example !no\n  User deploy\nHost *\n"),
    );
    let said = works(&home, &["init", "--discover"]);
    for why in [
        "the hosts \"*.corp.example\" of ~/.ssh/config are a pattern",
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
