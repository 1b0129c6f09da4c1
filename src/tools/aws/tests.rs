//! The aws CLI and its kin, from a command line to an entitlement and to a launch.

use std::{ffi::OsString, fs, os::unix::fs::symlink, path::Path, time::Duration};

use proptest::{collection::vec, prelude::*};
use secrecy::SecretString;
use tempfile::TempDir;

use super::*;
use crate::{
    domain::{
        catalogue::Catalogue,
        credential::{Credential, Secret, Token},
        elevation::Grant,
        environment::{Environment, Places},
        failure::Result,
        id::GrantId,
        key::{PrivateKey, PublicKey},
        lease::{Binding, Lease},
        principal::{Class, Principal},
        time::Timestamp,
    },
    platform::{files, process::Launch},
    tools::task::{CredentialUse, Injection, Recognised, Task},
};

const CATALOGUE: &str = r#"
[resources."aws/prod"]
account = "123456789012"
profiles = ["prod", "prod-eu"]
region = "eu-central-1"
issuer = "assume-role"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }
roles.deploy = { arn = "arn:aws:iam::123456789012:role/deploy", tier = "elevated" }
roles.admin = { arn = "arn:aws:iam::123456789012:role/admin", tier = "sensitive" }
[resources."aws/play"]
account = "210987654321"
profiles = ["play", "default"]
issuer = "assume-role"
roles.everything = { arn = "arn:aws:iam::210987654321:role/x" }
"#;

const CONFIG: &str = "
[default]
region = us-east-1
[profile prod]
region = eu-west-1
role_arn = arn:aws:iam::123456789012:role/standing
source_profile = default
[profile prod-eu]
output = text
";

/// The rows of a table: a command line, and what else stands behind each bar.
fn rows<const N: usize>(table: &str) -> impl Iterator<Item = (&str, [&str; N])> {
    let lines = table.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| {
        let mut cells = line.split('|').map(str::trim);
        let first = cells.next().unwrap();
        (first, [(); N].map(|()| cells.next().unwrap()))
    })
}

fn put(path: &Path, text: &str) {
    files::write_public(path, text.as_bytes()).unwrap();
}

struct Desk {
    directory: TempDir,
    catalogue: Catalogue,
    environment: Environment,
}

impl Desk {
    /// With these environment variables, each `NAME=value`.
    fn new(variables: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().to_owned();
        fs::create_dir_all(path.join(".aws")).unwrap();
        put(&path.join(".aws/config"), CONFIG);
        // A stand-in of that name: the launch is of the file, what it says is asserted.
        let mut environment = Environment {
            variables: variables
                .split_whitespace()
                .filter_map(|variable| variable.split_once('='))
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            directory: path.clone(),
            home: Some(path.clone()),
        };
        fs::create_dir(path.join("bin")).unwrap();
        for name in ["aws", "make", "terraform"] {
            symlink("/bin/sh", path.join("bin").join(name)).unwrap();
        }
        environment
            .variables
            .insert("PATH".into(), path.join("bin").into());
        Self {
            directory,
            catalogue: toml::from_str(CATALOGUE).unwrap(),
            environment,
        }
    }

    fn recognise(&self, line: &str, on: Option<&str>, role: Option<&str>) -> Result<Recognised> {
        let command: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        recognise(&Task {
            command: &command,
            on: on.map(|on| on.parse().unwrap()).as_ref(),
            role: role.map(|role| role.parse().unwrap()).as_ref(),
            catalogue: &self.catalogue,
            environment: &self.environment,
        })
    }

    fn launch(&self, line: &str, entitlement: &str) -> Result<Launch> {
        let command: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        let lease = lease(entitlement);
        let path = self.directory.path().to_owned();
        launch(&Injection {
            task: Task {
                command: &command,
                on: Some(&lease.grant.entitlement.resource),
                role: None,
                catalogue: &self.catalogue,
                environment: &self.environment,
            },
            resource: self.catalogue.resource(&lease.grant.entitlement.resource)?,
            lease: &lease,
            via: &[],
            is_hooked: false,
            logins: &[],
            is_mixed: false,
            also: &[],
            places: &Places {
                configuration: path.clone(),
                state: path.clone(),
                cache: path.clone(),
                runtime: path,
                job: None,
            },
            now: Timestamp::from_secs(0),
        })
    }
}

fn lease(entitlement: &str) -> Lease {
    let key = PrivateKey::new([0; 32], PublicKey([0; 32]));
    let at = Timestamp::from_secs;
    Lease {
        grant: Grant {
            id: GrantId::new(at(0), [0; 10]),
            principal: Principal::new(Class::Human, "alice").unwrap(),
            entitlement: entitlement.parse().unwrap(),
            granted_at: at(0),
            expires_at: at(4_102_444_800),
            credential_ttl: Duration::from_mins(15),
            policies: Vec::new(),
            break_glass: false,
            chain: Vec::new(),
        },
        token: Token(SecretString::from("proof")),
        holder: key.clone(),
        credential: Credential {
            serial: "ASIAX".into(),
            expires_at: at(4_102_444_800),
            secret: Secret::AwsSession {
                access_key_id: "ASIAX".into(),
                secret_access_key: SecretString::from("secret"),
                session_token: SecretString::from("session"),
                account: Some("123456789012".to_owned()),
            },
        },
        key,
        issued_at: at(0),
        took: Duration::ZERO,
        because: String::new(),
        binding: Binding::default(),
        justification: None,
        asked_ttl: None,
        confirmed_at: None,
        catalogue_stamp: String::new(),
        is_longest: false,
    }
}

/// Profile and regions of a launch: what it sets, `-` where it takes the variable away.
fn settings_of(launch: &Launch) -> [String; 3] {
    ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| {
        if launch.unset.iter().any(|unset| unset == name) {
            "-".to_owned()
        } else {
            let value = launch.set.get(name).map(|value| value.to_string_lossy());
            value.unwrap_or_default().into_owned()
        }
    })
}

#[test]
fn the_profile_and_the_operation_make_the_entitlement() {
    for (line, [variable, wanted]) in rows(
        "aws s3 ls --profile prod                  |                          | aws/prod:read
         aws --profile=prod-eu ec2 run-instances   |                          | aws/prod:deploy
         aws --prof prod iam delete-user           |                          | aws/prod:admin
         aws secretsmanager get-secret-value       | AWS_PROFILE=prod         | aws/prod:deploy
         aws s3 ls                                 | AWS_DEFAULT_PROFILE=prod | aws/prod:read
         aws s3 ls --profile prod                  | AWS_PROFILE=play         | aws/prod:read
         aws s3 ls                                 | AWS_PROFILE=             | aws/play:everything
         aws whoami                                |                          | aws/play:everything",
    ) {
        let recognised = Desk::new(variable).recognise(line, None, None).unwrap();
        assert_eq!(recognised.entitlement.to_string(), wanted, "{line}");
    }
    for (line, [role, wanted]) in rows(
        "aws s3 ls                      |        | read
         terraform apply --profile play |        | read
         terraform apply                | deploy | deploy
         aws whoami                     | read   | read",
    ) {
        let desk = Desk::new("AWS_PROFILE=play");
        let role = Some(role).filter(|role| !role.is_empty());
        let recognised = desk.recognise(line, Some("aws/prod"), role).unwrap();
        let wanted = format!("aws/prod:{wanted}");
        assert_eq!(recognised.entitlement.to_string(), wanted, "{line}");
    }
}

#[test]
fn what_is_unknown_or_does_not_fit_is_an_error_with_a_way_out() {
    let mut desk = Desk::new("");
    for (line, [on, message, hint]) in rows(
        r#"
        aws s3 ls --profile prd  |           | the profile "prd" is no resource | did you mean "prod"? name one with --profile or --on: aws/play (profile default, play), aws/prod (profile prod, prod-eu)
        aws s3 ls --profile play | aws/prod  | --profile names "play", which is aws/play's, and | leave one
        aws whoami               | aws/prod  | "whoami" is no operation that jit knows, and no role | name one with --role; its roles are admin, deploy, read
        aws configure list       |           | this command speaks to no account | run it without jit
        terraform plan           | aws/prodd | aws/prodd is not in the catalogue | did you mean
        "#,
    ) {
        let on = Some(on).filter(|on| !on.is_empty());
        let failure = desk.recognise(line, on, None).unwrap_err();
        assert!(failure.message.starts_with(message), "{line}: {failure:?}");
        assert!(failure.hint.starts_with(hint), "{line}: {failure:?}");
    }
    let both = Desk::new("AWS_PROFILE=prod AWS_DEFAULT_PROFILE=play");
    let failure = both.recognise("aws s3 ls", None, None).unwrap_err();
    assert_eq!(
        failure.message,
        "AWS_PROFILE names \"prod\" and AWS_DEFAULT_PROFILE \"play\""
    );
    let play = "aws/play".parse().unwrap();
    desk.catalogue.resources.0.remove(&play);
    let failure = desk.recognise("aws s3 ls", None, None).unwrap_err();
    assert_eq!(failure.message, "no profile is named");
}

#[test]
fn a_launch_keeps_the_users_settings_but_no_other_credential() {
    // Behind the variable: the arguments, the profile, and the region that is set.
    for (line, [variable, arguments, profile, region]) in rows(
        "aws s3 ls --profile prod               |                      | s3 ls            | prod    |
         aws --profile=prod-eu s3 ls            |                      | s3 ls            | prod-eu | eu-central-1
         aws s3 ls --profile unknown            |                      | s3 ls            | jit     | eu-central-1
         aws s3 ls                              | AWS_PROFILE=prod     | s3 ls            | prod    |
         aws s3 ls                              | AWS_PROFILE=play     | s3 ls            | jit     | eu-central-1
         aws s3 ls --region x --profile prod-eu |                      | s3 ls --region x | prod-eu |
         aws s3 ls --profile prod-eu            | AWS_REGION=x         | s3 ls            | prod-eu |
         terraform plan                         |                      | plan             | jit     | eu-central-1
         terraform plan                         | AWS_PROFILE=prod     | plan             | prod    | eu-west-1
         terraform --profile prod               |                      | --profile prod   | jit     | eu-central-1
         terraform plan                         | AWS_DEFAULT_REGION=x | plan             | jit     |
         make plan                              |                      | plan             | -       | eu-central-1
         make plan                              | AWS_PROFILE=prod     | plan             | -       | eu-west-1
         aws s3 ls                              | AWS_ACCESS_KEY_ID=x  | s3 ls            | -       | eu-central-1
         aws s3 ls --profile prod               | AWS_ACCESS_KEY_ID=x  | s3 ls            | prod    |",
    ) {
        let desk = Desk::new(variable);
        let launch = desk.launch(line, "aws/prod:read").unwrap();
        let shown: Vec<_> = launch.arguments.iter().map(|a| a.to_string_lossy()).collect();
        assert_eq!(shown.join(" "), arguments, "{line}");
        assert_eq!(settings_of(&launch), [profile, region, region], "{line} {variable}");
        let is_static = line.starts_with("make") || variable.starts_with("AWS_ACCESS_KEY_ID");
        let recognised = desk.recognise(line, Some("aws/prod"), Some("read"));
        let is_kept = |found: Recognised| found.credential_use == CredentialUse::Kept;
        assert!(recognised.is_ok_and(|found| is_kept(found) == is_static), "{line}");
        if is_static {
            assert_eq!(launch.set["AWS_SESSION_TOKEN"], "session");
            assert_eq!(launch.set["AWS_CREDENTIAL_EXPIRATION"], "2100-01-01T00:00:00Z");
        } else {
            let names: Vec<&str> = launch.set.keys().map(String::as_str).collect();
            assert!(!names.iter().any(|name| name.contains("KEY") || name.contains("TOKEN")));
            let file = fs::read_to_string(&launch.set["AWS_CONFIG_FILE"]).unwrap();
            assert!(file.contains(" credential-process aws/prod:read\n"), "{file}");
            assert!(file.contains(&format!("[profile {profile}]")), "{file}");
            assert_eq!(launch.set["AWS_SHARED_CREDENTIALS_FILE"], "/dev/null");
        }
        assert!(launch.unset.iter().any(|name| name == "AWS_SECURITY_TOKEN"));
        assert!(!launch.unset.iter().any(|name| launch.set.contains_key(name)));
    }
}

#[test]
fn a_launch_of_default_and_of_nothing() {
    let desk = Desk::new("");
    let launch = desk.launch("aws s3 ls", "aws/play:everything").unwrap();
    assert_eq!(settings_of(&launch), ["default", "", ""]);
    let launch = desk
        .launch("terraform plan", "aws/play:everything")
        .unwrap();
    assert_eq!(settings_of(&launch), ["default", "us-east-1", "us-east-1"]);
    assert!(desk.launch("no-such-tool", "aws/prod:read").is_err());
    put(&desk.directory.path().join(".aws/config"), "broken");
    let failure = desk
        .launch("aws s3 ls --profile prod", "aws/prod:read")
        .unwrap_err();
    assert!(
        failure.message.contains("config, line 1, is no setting"),
        "{failure:?}"
    );
    assert!(!format!("{failure:?}").contains("secret"));
}

#[test]
fn an_sdk_is_answered_in_its_own_words() {
    let answer = process_credentials(&lease("aws/prod:read")).unwrap();
    assert_eq!(
        *answer,
        r#"{"Version":1,"AccessKeyId":"ASIAX","SecretAccessKey":"secret","SessionToken":"session","Expiration":"2100-01-01T00:00:00Z","AccountId":"123456789012"}"#
    );
}

proptest! {
    #[test]
    fn no_command_line_panics(line in vec("(-{0,2}[a-z=-]{0,12}|s3|--profile|.{0,6})", 0..7)) {
        let desk = Desk::new("");
        let mut command = vec![OsString::from("aws")];
        command.extend(line.iter().map(Into::into));
        let task = Task { command: &command, on: None, role: None, catalogue: &desk.catalogue, environment: &desk.environment };
        let _needs = needs_nothing(&task);
        if let Err(failure) = recognise(&task) {
            prop_assert!(!failure.hint.is_empty());
        }
    }
}
