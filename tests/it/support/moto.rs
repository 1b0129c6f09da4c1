//! A stand-in for AWS that the real `aws` CLI and SDKs talk to: moto's server.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::daemon::Daemon;
use super::home::{Ran, run};
use super::skip::skip;
use super::wait::read_log;
use super::whereabouts::{aws_bin, program};

/// The account that moto answers for.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of the tests.
pub(crate) const REGION: &str = "eu-west-1";

/// A moto server on loopback with STS, IAM and S3. It checks signatures and policies once told to.
pub(crate) struct Moto {
    // Before the directory, so that it ends before its files go.
    daemon: Daemon,
    port: u16,
    aws: PathBuf,
    dir: TempDir,
}

impl Moto {
    /// Starts one, which checks nothing yet.
    pub(crate) fn start() -> Option<Self> {
        let first = aws_bin();
        let (Some(server), Some(aws)) = (
            program("moto_server", Some(&first)),
            program("aws", Some(&first)),
        ) else {
            skip("moto_server or aws is missing (tests/servers/python.sh brings them)");
            return None;
        };
        let dir = TempDir::new().expect("temporary directory");
        let mut command = Command::new(server);
        // Port 0 is the kernel's choice, which the log tells.
        command
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("HOME", dir.path())
            .env("PYTHONUNBUFFERED", "1");
        let mut daemon = Daemon::spawn("moto", &mut command, dir.path());
        let port = daemon.ready(listening_port).expect("a port of its own");
        Some(Self {
            daemon,
            port,
            aws,
            dir,
        })
    }

    /// Its address, for `AWS_ENDPOINT_URL` or `endpoint_url`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the aws CLI answers to the account's root, as JSON; panics where it fails.
    pub(crate) fn aws(&self, args: &[&str]) -> serde_json::Value {
        let ran = self.try_aws(("root", "root"), args);
        assert_eq!(ran.code, 0, "aws {args:?}: {}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap_or_default()
    }

    /// Runs the aws CLI with that access key and secret.
    pub(crate) fn try_aws(&self, (key, secret): (&str, &str), args: &[&str]) -> Ran {
        run(Command::new(&self.aws)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("PATH", "/usr/bin:/bin")
            .env("AWS_ENDPOINT_URL", self.url())
            // The first version of the CLI does not read AWS_REGION.
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(["--output", "json"])
            .args(args))
    }

    /// Makes a role that `trust` lets in and `permissions` lets do things, both JSON policies; its ARN.
    pub(crate) fn create_role(&self, name: &str, trust: &str, permissions: &str) -> String {
        let made = self.aws(&[
            "iam",
            "create-role",
            "--role-name",
            name,
            "--assume-role-policy-document",
            trust,
        ]);
        self.aws(&[
            "iam",
            "put-role-policy",
            "--role-name",
            name,
            "--policy-name",
            "permissions",
            "--policy-document",
            permissions,
        ]);
        made["Role"]["Arn"].as_str().expect("an ARN").to_owned()
    }

    /// Makes a user with that policy; its access key and secret.
    pub(crate) fn create_user(&self, name: &str, permissions: &str) -> (String, String) {
        self.aws(&["iam", "create-user", "--user-name", name]);
        self.aws(&[
            "iam",
            "put-user-policy",
            "--user-name",
            name,
            "--policy-name",
            "permissions",
            "--policy-document",
            permissions,
        ]);
        let made = self.aws(&["iam", "create-access-key", "--user-name", name]);
        let part = |name| made["AccessKey"][name].as_str().expect("a key").to_owned();
        (part("AccessKeyId"), part("SecretAccessKey"))
    }

    /// From now on each call's signature and the caller's policies are checked.
    pub(crate) fn begin_checks(&self) {
        self.let_pass("0");
    }

    /// From now on every call passes, as at the start.
    pub(crate) fn end_checks(&self) {
        self.let_pass("inf");
    }

    /// Sets how many calls moto lets pass before it begins to check.
    fn let_pass(&self, calls: &str) {
        let mut stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("moto listens");
        write!(
            stream,
            "POST /moto-api/reset-auth HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{calls}",
            calls.len(),
        )
        .expect("moto reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("moto answers");
        assert!(answer.contains(" 200 "), "{answer}");
    }

    /// Its log so far, a line a call.
    pub(crate) fn log(&self) -> String {
        read_log(self.daemon.log())
    }
}

fn listening_port(log: &Path) -> Option<u16> {
    let text = read_log(log);
    let (_, rest) = text.split_once("Running on http://127.0.0.1:")?;
    rest.lines().next()?.trim().parse().ok()
}
