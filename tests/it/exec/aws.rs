//! `jit exec -- aws …` with the real CLI; AWS itself is stood in for.

use std::time::Duration;

use jit::domain::time::Timestamp;

use super::{Home, events, home, jit, last, story, works};
use crate::support::{
    Moto,
    home::{Ran, run},
    moto::{ACCOUNT, REGION},
};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}"#;
const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:List*","s3:Get*"],"Resource":"*"}]}"#;
const BASE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;

/// A home whose authority may assume the roles, with the base credentials in its environment.
struct Account {
    home: Home,
    moto: Moto,
    base: (String, String),
}

impl Account {
    fn new() -> Option<Self> {
        let moto = Moto::start()?;
        let read = moto.create_role("read", TRUST, READ);
        let write = moto.create_role("write", TRUST, READ);
        let base = moto.create_user("authority", BASE);
        let home = home(&format!(
            r#"
[resources."aws/prod"]
account = "{ACCOUNT}"
profiles = ["prod"]
region = "{REGION}"
issuer = "assume-role"
endpoint = "{}"
roles.read = {{ arn = "{read}" }}
roles.write = {{ arn = "{write}", tier = "elevated" }}
"#,
            moto.url()
        ));
        Some(Self { home, moto, base })
    }

    fn jit(&self, args: &[&str]) -> Ran {
        let mut command = self.home.jit(args);
        command
            .env("AWS_ACCESS_KEY_ID", &self.base.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.base.1)
            .env("AWS_ENDPOINT_URL", self.moto.url())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        run(&mut command)
    }
}

#[test]
fn aws_gets_a_session_of_the_smallest_role_that_names_the_grant() {
    let Some(account) = Account::new() else {
        return;
    };
    let who = account.jit(&[
        "exec",
        "--",
        "aws",
        "--profile",
        "prod",
        "sts",
        "get-caller-identity",
        "--query",
        "Arn",
        "--output",
        "text",
    ]);
    assert_eq!(who.code, 0, "{who:?}");
    let (grant, serial) = last(&account.home);
    assert!(who.stdout.contains(":assumed-role/read/"), "{who:?}");
    assert!(
        who.stdout.contains(&grant),
        "the session names the grant: {who:?}"
    );
    assert_ne!(serial, account.base.0);
    assert_eq!(
        story(&account.home),
        ["granted aws/prod:read", "issued aws/prod:read"]
    );
}

#[test]
fn a_write_asks_for_more_and_a_read_uses_the_lease_again() {
    let Some(account) = Account::new() else {
        return;
    };
    for _ in 0..2 {
        let listed = account.jit(&["exec", "--", "aws", "--profile", "prod", "s3", "ls"]);
        assert_eq!(listed.code, 0, "{listed:?}");
    }
    assert_eq!(events(&account.home).len(), 2);
    let made = account.jit(&[
        "exec",
        "--",
        "aws",
        "--profile=prod",
        "s3",
        "mb",
        "s3://bucket",
    ]);
    assert_eq!(made.code, 121, "elevated, and no reason given: {made:?}");
}

#[test]
fn any_other_command_gets_the_session_in_its_environment() {
    let Some(account) = Account::new() else {
        return;
    };
    let script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])";
    let who = account.jit(&["exec", "--on", "aws/prod", "--", "python3", "-c", script]);
    assert_eq!(who.code, 0, "{who:?}");
    assert!(who.stdout.contains(":assumed-role/read/"), "{who:?}");
    let shown = account.jit(&["exec", "--on", "aws/prod", "--", "env"]);
    assert!(
        !shown.stdout.contains(&account.base.1),
        "the base credential stays behind"
    );
}

#[test]
fn a_profile_that_nobody_knows_is_an_error() {
    let Some(account) = Account::new() else {
        return;
    };
    let unknown = jit(
        &account.home,
        &["exec", "--", "aws", "--profile", "pord", "s3", "ls"],
    );
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(
        unknown.stderr.contains("did you mean \"prod\"?"),
        "{unknown:?}"
    );
    assert_eq!(works(&account.home, &["audit"]), "");
}

#[test]
fn a_word_help_that_the_cli_takes_for_something_else_is_no_help() {
    let Some(account) = Account::new() else {
        return;
    };
    for line in [
        "s3 cp help s3://bucket/",
        "ec2 terminate-instances --instance-ids help",
        "s3 rm s3://bucket/k -- --version",
    ] {
        let mut words = vec!["exec", "--", "aws", "--profile", "prod"];
        words.extend(line.split(' '));
        let ran = account.jit(&words);
        // The roles that write are elevated or missing, and no reason is given.
        assert!([121, 2].contains(&ran.code), "{line}: {ran:?}");
        assert!(ran.stderr.contains("aws/prod"), "{line}: {ran:?}");
    }
    assert!(!account.moto.log().contains("PUT /bucket/help"));
    let version = account.jit(&["exec", "--", "aws", "--version"]);
    assert_eq!(version.code, 0, "{version:?}");
}

#[test]
fn an_alias_of_the_cli_needs_what_it_stands_for() {
    let Some(account) = Account::new() else {
        return;
    };
    account.home.write(
        ".aws/cli/alias",
        "[toplevel]\nwho = sts get-caller-identity --query Arn --output text\nmake = s3 mb\nhello =\n  !f() {\n    echo hello $1\n  }; f\n",
    );
    let aws = |options: &[&str], words: &[&str]| {
        let all = [
            &["exec"],
            options,
            &["--", "aws", "--profile", "prod"],
            words,
        ];
        account.jit(&all.concat())
    };
    let who = aws(&[], &["who"]);
    assert_eq!(who.code, 0, "{who:?}");
    assert!(who.stdout.contains(":assumed-role/read/"), "{who:?}");
    let made = aws(&[], &["make", "s3://bucket"]);
    assert_eq!(made.code, 121, "{made:?}");
    assert!(made.stderr.contains("aws/prod:write"), "{made:?}");
    // What a shell does with it, nobody can tell.
    let unclear = aws(&[], &["hello", "you"]);
    assert_eq!(unclear.code, 2, "{unclear:?}");
    let passed = aws(&["--if-known"], &["hello", "you"]);
    assert_eq!(
        (passed.code, passed.stdout.as_str()),
        (0, "hello you\n"),
        "{passed:?}"
    );
    let named = aws(&["--on", "aws/prod"], &["hello", "you"]);
    assert_eq!(
        (named.code, named.stdout.as_str()),
        (0, "hello you\n"),
        "{named:?}"
    );
}

#[test]
fn what_the_cli_would_use_is_shown_where_the_account_is_named() {
    let Some(account) = Account::new() else {
        return;
    };
    let listed = account.jit(&["exec", "--on", "aws/prod", "--", "aws", "configure", "list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(!listed.stdout.contains(&account.base.0), "{listed:?}");
    assert!(listed.stdout.contains("****"), "{listed:?}");
}

#[test]
fn a_command_is_given_what_several_kinds_of_resources_need() {
    let Some(account) = Account::new() else {
        return;
    };
    let catalogue = std::fs::read_to_string(account.home.config().join("authority.toml")).unwrap();
    let hosts = "[resources.\"ssh/web\"]\nhosts = [\"web\"]\nroles.deploy = {}\n[resources.\"ssh/db\"]\nhosts = [\"db\"]\nroles.deploy = {}\n";
    account
        .home
        .configure("authority.toml", &format!("{catalogue}{hosts}"));
    let on = |names: &[&str]| {
        let options = names.iter().flat_map(|name| ["--on", *name]);
        let words: Vec<&str> = ["exec"].into_iter().chain(options).collect();
        account.jit(&[words.as_slice(), &["--", "env"]].concat())
    };
    let both = on(&["aws/prod", "ssh/web"]);
    assert_eq!(both.code, 0, "{both:?}");
    assert!(both.stdout.contains("\nSSH_AUTH_SOCK="), "{both:?}");
    assert!(both.stdout.contains("AWS_SESSION_TOKEN="), "{both:?}");
    assert!(!both.stdout.contains(&account.base.1), "{both:?}");
    let more_hosts = on(&["aws/prod", "ssh/web", "ssh/db"]);
    assert_eq!(more_hosts.code, 0, "{more_hosts:?}");
    let alike = on(&["ssh/web", "aws/prod", "aws/prod"]);
    assert_eq!(alike.code, 2, "{alike:?}");
    assert!(
        alike.stderr.contains("two resources of the kind aws"),
        "{alike:?}"
    );
}

/// When the last credential, or the last grant, ends.
fn ends(account: &Account, kind: &str) -> Timestamp {
    let events = events(&account.home);
    let last = events.iter().rev().find(|event| event["kind"] == kind);
    serde_json::from_value(last.unwrap()["expires_at"].clone()).unwrap()
}

#[test]
fn a_session_that_a_program_keeps_is_as_long_as_its_grant_where_no_policy_says_less() {
    let Some(account) = Account::new() else {
        return;
    };
    let policy = |obligations: &str| {
        let text = format!(
            "@id(\"all\") {obligations} permit (principal, action == Action::\"elevate\", resource);"
        );
        account.home.configure("policies/all.cedar", &text);
    };
    let keep = || {
        let kept = account.jit(&["exec", "--on", "aws/prod", "--", "env"]);
        assert_eq!(kept.code, 0, "{kept:?}");
        ends(&account, "granted").left(ends(&account, "issued"))
    };
    policy("@ttl(\"8h\")");
    // A hook's session is renewed again and again, so that it is short.
    let hook = account.jit(&["credential-process", "aws/prod:read"]);
    assert_eq!(hook.code, 0, "{hook:?}");
    let short = ends(&account, "granted").left(ends(&account, "issued"));
    assert!(short > Duration::from_hours(7), "{short:?}");
    assert!(keep() < Duration::from_secs(5), "as long as the grant");
    let made = events(&account.home).len();
    keep();
    assert_eq!(events(&account.home).len(), made, "it is enough to keep");
    let forgotten = account.jit(&["forget", "--all"]);
    assert_eq!(forgotten.code, 0, "{forgotten:?}");
    policy("@ttl(\"8h\") @credential_ttl(\"1h\")");
    let left = keep();
    assert!(
        left > Duration::from_mins(7 * 60 - 1) && left < Duration::from_mins(7 * 60 + 1),
        "policy says an hour: {left:?}"
    );
}
