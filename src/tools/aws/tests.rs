//! The aws CLI and its kin, from a command line to an entitlement and to a launch.

use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

use proptest::prelude::*;
use secrecy::SecretString;
use tempfile::TempDir;

use super::*;
use crate::domain::{
    catalogue::Catalogue,
    credential::{Credential, Token},
    elevation::Grant,
    environment::{Environment, Places},
    id::GrantId,
    key::{PrivateKey, PublicKey},
    lease::Lease,
    principal::{Class, Principal},
    time::Timestamp,
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

struct Desk {
    directory: TempDir,
    catalogue: Catalogue,
    environment: Environment,
}

impl Desk {
    fn new(variables: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().to_owned();
        fs::create_dir_all(path.join(".aws")).unwrap();
        fs::write(path.join(".aws/config"), CONFIG).unwrap();
        // A stand-in of that name: the launch is of the file, what it says is asserted.
        let mut environment = Environment {
            variables: variables
                .iter()
                .map(|(n, v)| (n.into(), v.into()))
                .collect(),
            directory: path.clone(),
            home: Some(path.clone()),
        };
        fs::create_dir(path.join("bin")).unwrap();
        for name in ["aws", "terraform"] {
            std::os::unix::fs::symlink("/bin/sh", path.join("bin").join(name)).unwrap();
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
            places: &Places {
                configuration: path.clone(),
                state: path.clone(),
                cache: path.clone(),
                runtime: path,
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
            credential_ttl: Duration::from_secs(900),
            policies: Vec::new(),
            break_glass: false,
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
            },
        },
        key,
        issued_at: at(0),
        took: Duration::ZERO,
        because: String::new(),
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
    let none: &[(&str, &str)] = &[];
    for (line, variables, wanted) in [
        ("aws s3 ls --profile prod", none, "aws/prod:read"),
        (
            "aws --profile=prod-eu ec2 run-instances",
            none,
            "aws/prod:deploy",
        ),
        ("aws --prof prod iam delete-user", none, "aws/prod:admin"),
        (
            "aws secretsmanager get-secret-value",
            &[("AWS_PROFILE", "prod")],
            "aws/prod:deploy",
        ),
        (
            "aws s3 ls",
            &[("AWS_DEFAULT_PROFILE", "prod")],
            "aws/prod:read",
        ),
        (
            "aws s3 ls --profile prod",
            &[("AWS_PROFILE", "play")],
            "aws/prod:read",
        ),
        ("aws s3 ls", &[("AWS_PROFILE", "")], "aws/play:everything"),
        ("aws whoami", none, "aws/play:everything"),
    ] {
        let recognised = Desk::new(variables).recognise(line, None, None).unwrap();
        assert_eq!(recognised.entitlement.to_string(), wanted, "{line}");
    }
    let desk = Desk::new(&[("AWS_PROFILE", "play")]);
    let prod = Some("aws/prod");
    for (line, role, wanted) in [
        ("aws s3 ls", None, "aws/prod:read"),
        ("terraform apply --profile play", None, "aws/prod:read"),
        ("terraform apply", Some("deploy"), "aws/prod:deploy"),
        ("aws whoami", Some("read"), "aws/prod:read"),
    ] {
        let recognised = desk.recognise(line, prod, role).unwrap();
        assert_eq!(recognised.entitlement.to_string(), wanted, "{line}");
    }
}

#[test]
fn what_is_unknown_or_does_not_fit_is_an_error_with_a_way_out() {
    let desk = Desk::new(&[]);
    let prod = Some("aws/prod");
    for (line, on, message, hint) in [
        (
            "aws s3 ls --profile prd",
            None,
            "the profile \"prd\" is no resource",
            "did you mean \"prod\"? name one with --profile or --on: aws/play (profile default, play), aws/prod (profile prod, prod-eu)",
        ),
        (
            "aws s3 ls --profile play",
            prod,
            "--profile names \"play\", which is aws/play's, and",
            "leave one",
        ),
        (
            "aws whoami",
            prod,
            "\"whoami\" is no operation that jit knows, and no role",
            "name one with --role; its roles are admin, deploy, read",
        ),
        (
            "aws configure list",
            None,
            "this command speaks to no account",
            "run it without jit",
        ),
        (
            "terraform plan",
            Some("aws/prodd"),
            "aws/prodd is not in the catalogue",
            "did you mean",
        ),
    ] {
        let failure = desk.recognise(line, on, None).unwrap_err();
        assert!(failure.message.starts_with(message), "{line}: {failure:?}");
        assert!(failure.hint.starts_with(hint), "{line}: {failure:?}");
    }
    let both = Desk::new(&[("AWS_PROFILE", "prod"), ("AWS_DEFAULT_PROFILE", "play")]);
    let failure = both.recognise("aws s3 ls", None, None).unwrap_err();
    assert_eq!(
        failure.message,
        "AWS_PROFILE names \"prod\" and AWS_DEFAULT_PROFILE \"play\""
    );
    let mut nothing = Desk::new(&[]);
    nothing
        .catalogue
        .resources
        .0
        .remove(&"aws/play".parse().unwrap());
    let failure = nothing.recognise("aws s3 ls", None, None).unwrap_err();
    assert_eq!(failure.message, "no profile is named");
}

#[test]
fn a_launch_keeps_the_users_settings_but_no_other_credential() {
    let none: &[(&str, &str)] = &[];
    for (line, variables, arguments, settings) in [
        ("aws s3 ls --profile prod", none, "s3 ls", ["prod", "", ""]),
        (
            "aws --profile=prod-eu s3 ls",
            none,
            "s3 ls",
            ["prod-eu", "eu-central-1", "eu-central-1"],
        ),
        (
            "aws s3 ls --profile unknown",
            none,
            "s3 ls",
            ["-", "eu-central-1", "eu-central-1"],
        ),
        (
            "aws s3 ls",
            &[("AWS_PROFILE", "prod")],
            "s3 ls",
            ["prod", "", ""],
        ),
        (
            "aws s3 ls",
            &[("AWS_PROFILE", "play")],
            "s3 ls",
            ["-", "eu-central-1", "eu-central-1"],
        ),
        (
            "aws s3 ls --region x --profile prod-eu",
            none,
            "s3 ls --region x",
            ["prod-eu", "", ""],
        ),
        (
            "aws s3 ls --profile prod-eu",
            &[("AWS_REGION", "x")],
            "s3 ls",
            ["prod-eu", "", ""],
        ),
        (
            "terraform plan",
            none,
            "plan",
            ["-", "eu-central-1", "eu-central-1"],
        ),
        (
            "terraform plan",
            &[("AWS_PROFILE", "prod")],
            "plan",
            ["-", "eu-west-1", "eu-west-1"],
        ),
        (
            "terraform --profile prod",
            none,
            "--profile prod",
            ["-", "eu-central-1", "eu-central-1"],
        ),
        (
            "terraform plan",
            &[("AWS_DEFAULT_REGION", "x")],
            "plan",
            ["-", "", ""],
        ),
    ] {
        let launch = Desk::new(variables).launch(line, "aws/prod:read").unwrap();
        let shown: Vec<_> = launch
            .arguments
            .iter()
            .map(|a| a.to_string_lossy())
            .collect();
        assert_eq!(shown.join(" "), arguments, "{line}");
        assert_eq!(settings_of(&launch), settings, "{line} {variables:?}");
        assert_eq!(launch.set["AWS_SESSION_TOKEN"], "session");
        assert_eq!(
            launch.set["AWS_CREDENTIAL_EXPIRATION"],
            "2100-01-01T00:00:00Z"
        );
        assert!(launch.unset.iter().any(|name| name == "AWS_SECURITY_TOKEN"));
        assert!(
            !launch
                .unset
                .iter()
                .any(|name| launch.set.contains_key(name))
        );
    }
}

#[test]
fn a_launch_of_default_and_of_nothing() {
    let desk = Desk::new(&[]);
    let launch = desk.launch("aws s3 ls", "aws/play:everything").unwrap();
    assert_eq!(settings_of(&launch), ["default", "", ""]);
    let launch = desk
        .launch("terraform plan", "aws/play:everything")
        .unwrap();
    assert_eq!(settings_of(&launch), ["-", "us-east-1", "us-east-1"]);
    assert!(desk.launch("no-such-tool", "aws/prod:read").is_err());
    fs::write(desk.directory.path().join(".aws/config"), "broken").unwrap();
    let failure = desk
        .launch("aws s3 ls --profile prod", "aws/prod:read")
        .unwrap_err();
    assert!(
        failure.message.contains("config, line 1, is no setting"),
        "{failure:?}"
    );
    assert!(!format!("{failure:?}").contains("secret"));
}

/// The real CLI must take the keys that it is given, whatever the user's profile says.
#[test]
fn the_real_cli_uses_the_keys_that_it_is_given() {
    let Some(aws) = std::env::var_os("PATH").and_then(|path| {
        let mut files = std::env::split_paths(&path).map(|directory| directory.join("aws"));
        files.find(|file| file.exists())
    }) else {
        return;
    };
    let desk = Desk::new(&[
        ("AWS_SECURITY_TOKEN", "stale"),
        ("AWS_DEFAULT_PROFILE", "prod"),
    ]);
    for line in [
        "aws configure export-credentials --profile prod",
        "aws --prof=prod configure list",
    ] {
        let launch = desk.launch(line, "aws/prod:read").unwrap();
        let ran = run(&aws, &desk, &launch);
        // Version 1 has no export-credentials; it says so, and the other line tells the same.
        if line.contains("list") {
            assert!(ran.contains("env"), "{ran}");
            assert!(!ran.contains("assume-role"), "{ran}");
            assert!(ran.contains("eu-west-1"), "{ran}");
        }
    }
}

fn run(program: &Path, desk: &Desk, launch: &Launch) -> String {
    let inherited: BTreeMap<_, _> = std::env::vars_os()
        .chain(desk.environment.variables.clone())
        .filter(|(name, _)| name != "PATH")
        .collect();
    let mut command = Command::new(program);
    command
        .args(&launch.arguments)
        .env_clear()
        .envs(inherited)
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", desk.directory.path())
        .envs(&launch.set);
    for name in &launch.unset {
        command.env_remove(name);
    }
    let ran = command.output().unwrap();
    String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr)
}

proptest! {
    #[test]
    fn no_command_line_panics(line in proptest::collection::vec("(-{0,2}[a-z=-]{0,12}|s3|--profile|.{0,6})", 0..7)) {
        let desk = Desk::new(&[]);
        let mut command = vec![OsString::from("aws")];
        command.extend(line.iter().map(Into::into));
        let task = Task { command: &command, on: None, role: None, catalogue: &desk.catalogue, environment: &desk.environment };
        let _needs = needs_nothing(&task);
        if let Err(failure) = recognise(&task) {
            prop_assert!(!failure.hint.is_empty());
        }
    }
}
