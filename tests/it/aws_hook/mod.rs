//! AWS without the prefix: profiles that `jit setup aws` writes, and the programs that use them.

mod clients;
mod failures;
mod setup;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{
    Home, Moto,
    home::{Ran, run},
    moto::{ACCOUNT, REGION},
    web::POLICIES,
    whereabouts::{aws_bin, program},
};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}"#;
const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:List*","sts:*"],"Resource":"*"}]}"#;
const BASE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;

/// A catalogue with one account, whose roles are reached with the profile `base`.
fn catalogue(endpoint: &str, more: &str) -> String {
    format!(
        r#"
[resources."aws/prod"]
account = "{ACCOUNT}"
profiles = ["prod"]
region = "{REGION}"
issuer = "assume-role"
endpoint = "{endpoint}"
{more}
roles.read = {{ arn = "arn:aws:iam::{ACCOUNT}:role/read" }}
roles.write = {{ arn = "arn:aws:iam::{ACCOUNT}:role/write", tier = "elevated" }}
roles.root = {{ arn = "arn:aws:iam::{ACCOUNT}:role/write", tier = "sensitive" }}
"#
    )
}

/// A home with that catalogue and policies for each tier.
fn home(endpoint: &str, more: &str) -> Home {
    let home = Home::new();
    home.configure("authority.toml", &catalogue(endpoint, more));
    home.configure("policies/all.cedar", POLICIES);
    home
}

/// A home that `jit setup aws` has been run in, and the account.
struct Account {
    home: Home,
    moto: Moto,
}

impl Account {
    /// One whose base credentials are in that profile of ~/.aws/credentials; with checks of
    /// signatures and policies.
    fn new(base: &str, more: &str) -> Option<Self> {
        let moto = Moto::start()?;
        for role in ["read", "write"] {
            moto.create_role(role, TRUST, READ);
        }
        let (key, secret) = moto.create_user("authority", BASE);
        moto.begin_checks();
        let home = home(&moto.url(), more);
        let keys =
            format!("[{base}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n");
        home.write(".aws/credentials", &keys);
        let account = Self { home, moto };
        let done = account.jit(&["setup", "aws", "--anyway"]);
        assert_eq!((done.code, &*done.stderr), (0, ""), "{done:?}");
        Some(account)
    }

    fn usual() -> Option<Self> {
        Self::new("base", "base_profile = \"base\"")
    }

    fn jit(&self, args: &[&str]) -> Ran {
        run(&mut self.home.jit(args))
    }

    /// A program that knows nothing of jit but the profile.
    fn client(&self, program: &Path, profile: &str) -> Command {
        let mut command = self.home.command(program);
        command
            .env("AWS_ENDPOINT_URL", self.moto.url())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PROFILE", profile);
        command
    }

    /// The aws CLI says who it is.
    fn aws(&self, profile: &str) -> Ran {
        let mut command = self.client(&aws_program(), profile);
        run(command.args([
            "sts",
            "get-caller-identity",
            "--query",
            "Arn",
            "--output",
            "text",
        ]))
    }

    /// How many events of that kind the ledger has.
    fn events(&self, kind: &str) -> usize {
        let listed = self.jit(&["audit", "--json"]);
        assert_eq!(listed.code, 0, "{listed:?}");
        let events = listed.stdout.lines().map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event
        });
        events.filter(|event| event["kind"] == kind).count()
    }
}

fn aws_program() -> std::path::PathBuf {
    program("aws", Some(&aws_bin())).expect("moto came with it")
}

fn python() -> std::path::PathBuf {
    program("python3", Some(&aws_bin())).expect("moto came with it")
}
