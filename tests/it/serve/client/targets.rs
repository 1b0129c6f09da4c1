//! Real tools at real targets, by way of a server.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use jit::{domain::time::Timestamp, platform::clock};
use rustix::process::Signal;

use super::Desk;
use crate::support::{
    Access, Kube, Moto, Postgres, Sshd, client_config,
    home::{Ran, run},
    moto::{ACCOUNT, REGION},
    until,
    whereabouts::user_name,
};

/// A desk and an sshd that trusts the server's authority.
pub(super) struct Web {
    pub(super) desk: Desk,
    pub(super) sshd: Sshd,
    config: PathBuf,
}

impl Web {
    pub(super) fn new() -> Option<Self> {
        Self::with_policies("")
    }

    /// The same with more policies.
    pub(super) fn with_policies(policies: &str) -> Option<Self> {
        let user = user_name();
        let catalogue = format!(
            "[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\"]\nroles.\"{user}\" = {{}}\nroles.other = {{}}\n"
        );
        let desk = Desk::with_policies(&catalogue, policies);
        let ca = desk
            .home
            .write("ca.pub", &desk.works(&["trust", "ssh/web", "--ca"]));
        let sshd = Sshd::start(&ca)?;
        let config = client_config(&desk.home.path(""), &[("web", &sshd, None)]);
        Some(Self { desk, sshd, config })
    }

    /// The user's own configuration of ssh.
    pub(super) fn user_config(&self) -> PathBuf {
        self.desk.home.path(".ssh/config")
    }

    /// The configuration of ssh that the tests name.
    pub(super) fn config(&self) -> &Path {
        &self.config
    }

    /// The link to the agent that plain log-ins share.
    pub(super) fn shared_agent(&self) -> PathBuf {
        let text = fs::read_to_string(self.desk.home.path("state/jit/setup/ssh_config"));
        let text = text.unwrap();
        let agent = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("IdentityAgent "));
        agent.unwrap().replace("%r", &user_name()).into()
    }

    /// Sets ssh up, and logs in without the prefix.
    pub(super) fn set_up(&self) -> Ran {
        let text = fs::read_to_string(&self.config).unwrap();
        self.desk.home.write(".ssh/config", &text);
        self.desk.works(&["setup", "ssh", "--anyway"]);
        let mut ssh = self.desk.home.command(Path::new("ssh"));
        run(ssh
            .arg("-F")
            .arg(self.user_config())
            .args(["web", "echo", "hello"]))
    }

    pub(super) fn ssh(&self) -> Ran {
        let config = self.config.to_str().unwrap();
        self.desk
            .jit(&["exec", "--", "ssh", "-F", config, "web", "echo", "hello"])
    }
}

#[test]
fn ssh_by_a_server_is_as_by_oneself() {
    let Some(web) = Web::new() else { return };
    let said = web.ssh();
    assert_eq!((&*said.stdout, &*said.stderr), ("hello\n", ""), "{said:?}");
    let entitlement = format!("ssh/web:{}", web.sshd.user());
    let story = web.desk.story();
    assert_eq!(
        story,
        [
            format!("granted {entitlement}"),
            format!("issued {entitlement}")
        ]
    );
    let status = web.desk.works(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    web.sshd.logged(status["grant"].as_str().unwrap());
    assert_eq!(web.ssh().stdout, "hello\n");
    assert_eq!(web.desk.story().len(), 2, "the lease was used again");
}

/// The promise of a lease: it works while every replica is down.
#[test]
fn what_is_held_opens_its_target_while_the_server_is_gone() {
    let Some(mut web) = Web::new() else { return };
    assert_eq!(web.ssh().code, 0);
    web.desk.serve.stop(Signal::KILL);
    let said = web.ssh();
    assert_eq!((&*said.stdout, &*said.stderr), ("hello\n", ""), "{said:?}");
    let status = web.desk.jit(&["status"]);
    assert!(status.stdout.contains("ssh/web"), "{status:?}");
    // What waits for people only the server knows.
    assert!(status.stderr.contains("is not known"), "{status:?}");
    let other = web.desk.jit(&["request", "ssh/web:other"]);
    assert_eq!(other.code, 124, "{other:?}");
    assert!(other.stderr.contains(&web.desk.serve.url), "{other:?}");
    assert!(other.stderr.contains("hint: "), "{other:?}");
}

/// A desk at a server that makes tokens of a cluster, in a namespace of its own.
fn cluster(kube: &Kube, namespace: &str) -> Desk {
    let desk = Desk::new(&format!(
        r#"
[resources."kubernetes/prod"]
server = "{}"
certificate_authority = "{}"
contexts = ["prod"]
issuer = "token-request"
namespace = "{namespace}"
credential = "file:base.token"
roles.view = {{ service_account = "{namespace}/view" }}
"#,
        kube.url(),
        kube.ca().display(),
    ));
    kube.apply("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: view}\nrules: [{apiGroups: [\"\"], resources: [namespaces, configmaps], verbs: [get, list, watch]}]");
    kube.apply(&desk.works(&["trust", "kubernetes/prod"]));
    let token = kube.kubectl(&["-n", namespace, "create", "token", "jit", "--duration=1h"]);
    desk.home.write("base.token", &token);
    private(&desk.home.path("base.token"));
    fs::rename(desk.home.path("base.token"), desk.serve.path("base.token")).unwrap();
    desk
}

const GET: [&str; 4] = ["get", "namespaces", "-o", "name"];

/// What kubectl is told through `jit exec`, once the roles are bound.
fn got(desk: &Desk) -> Ran {
    let line = [&["exec", "--", "kubectl", "--context", "prod"][..], &GET].concat();
    until("the roles to be bound", || {
        let got = desk.jit(&line);
        (got.code == 0).then_some(got)
    })
}

/// The same without the prefix.
fn plainly_got(desk: &Desk) -> Ran {
    let mut kubectl = desk.home.command(Path::new("kubectl"));
    run(kubectl.args(["--context", "prod"]).args(GET))
}

#[test]
fn kubectl_by_a_server_with_and_without_the_prefix() {
    let Some(kube) = Kube::shared() else { return };
    let desk = cluster(kube, "jit-served");
    let got = got(&desk);
    assert!(got.stdout.contains("namespace/jit-served\n"), "{got:?}");
    assert_eq!(got.stderr, "");
    desk.works(&["setup", "kubernetes", "--anyway"]);
    let plain = plainly_got(&desk);
    assert_eq!((plain.code, &*plain.stderr), (0, ""), "{plain:?}");
    assert_eq!(desk.story().len(), 2, "one lease served both");
}

#[test]
fn kubectl_goes_on_while_the_server_is_gone() {
    let Some(kube) = Kube::shared() else { return };
    let mut desk = cluster(kube, "jit-gone");
    let before = got(&desk).stdout;
    desk.works(&["setup", "kubernetes", "--anyway"]);
    desk.serve.stop(Signal::KILL);
    for held in [got(&desk), plainly_got(&desk)] {
        let said = (held.code, &*held.stderr);
        assert_eq!(said, (0, ""), "{held:?}");
        assert!(held.stdout.contains("namespace/jit-gone\n"), "{before}");
    }
    desk.works(&["forget", "--all"]);
    let anew = plainly_got(&desk);
    assert_ne!(anew.code, 0, "{anew:?}");
    assert!(anew.stderr.contains(&desk.serve.url), "{anew:?}");
}

/// A desk at a server that lets into two databases: by certificates, and by roles that it makes.
fn databases(postgres: &Postgres) -> Desk {
    postgres.psql("create role orders_ro login");
    for database in ["certified", "made"] {
        postgres.psql(&format!("create database {database}"));
        postgres.psql_in(
            database,
            "create table item (name text); insert into item values ('kite'); grant select on item to orders_ro",
        );
    }
    let catalogue = |name: &str, issuer: &str| {
        format!(
            "[resources.\"postgres/{name}\"]\nhosts = [\"127.0.0.1:{}\"]\ndatabases = [\"{name}\"]\ncertificate_authority = \"{}\"\n{issuer}\nroles.read = {{ role = \"orders_ro\" }}\n",
            postgres.port(),
            postgres.ca().display(),
        )
    };
    let desk = Desk::new(&format!(
        "{}{}",
        catalogue("certified", "issuer = \"certificate\""),
        catalogue(
            "made",
            "issuer = \"dynamic-role\"\ncredential = \"file:manager.url\""
        ),
    ));
    fs::write(
        desk.serve.path("manager.url"),
        postgres.superuser_url("made"),
    )
    .unwrap();
    private(&desk.serve.path("manager.url"));
    let ca = desk.works(&["trust", "postgres/certified", "--ca"]);
    postgres.allow(Access {
        client_ca: Some(&ca),
        hba: "hostssl certified orders_ro 127.0.0.1/32 cert\nhostssl made all 127.0.0.1/32 scram-sha-256",
        ident: "",
    });
    desk
}

/// Reads from both.
#[track_caller]
fn reads(desk: &Desk) {
    for (on, user) in [("certified", "orders_ro"), ("made", "jit")] {
        let select = "select name, session_user from item";
        let line = ["exec", "--", "psql", "-X", "-At", "-c", select, on];
        let read = desk.works(&line);
        assert!(read.starts_with(&format!("kite|{user}")), "{on}: {read}");
    }
}

#[test]
fn psql_by_a_server_with_certificates_and_with_roles_that_are_made() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let desk = databases(&postgres);
    reads(&desk);
    let revoked = desk.works(&["revoke", "--all"]);
    assert_eq!(revoked.lines().count(), 2, "{revoked}");
    assert_eq!(
        postgres.psql("select count(*) from pg_roles where rolname like 'jit%'"),
        "0"
    );
}

#[test]
fn psql_goes_on_while_the_server_is_gone() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let mut desk = databases(&postgres);
    reads(&desk);
    desk.serve.stop(Signal::KILL);
    reads(&desk);
    desk.works(&["forget", "postgres/made:read"]);
    let anew = desk.jit(&["exec", "--", "psql", "-XAtc", "select 1", "made"]);
    assert_eq!((anew.code, &*anew.stdout), (124, ""), "{anew:?}");
}

#[test]
fn aws_by_a_server_names_the_grant() {
    let Some(moto) = Moto::start() else { return };
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}"#;
    let any = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
    let read = moto.create_role("read", trust, any);
    let (id, secret) = moto.create_user("authority", any);
    let desk = Desk::new(&format!(
        "[resources.\"aws/prod\"]\naccount = \"{ACCOUNT}\"\nprofiles = [\"prod\"]\nregion = \"{REGION}\"\nissuer = \"assume-role\"\nbase_profile = \"base\"\nendpoint = \"{}\"\nroles.read = {{ arn = \"{read}\" }}\n",
        moto.url(),
    ));
    // The key is the server's, and on its machine alone.
    desk.serve.home.write(
        ".aws/credentials",
        &format!("[base]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"),
    );
    let aws = |args: &[&str]| {
        let mut command: Command = desk.home.jit(args);
        run(command
            .env("AWS_ENDPOINT_URL", moto.url())
            .env("AWS_EC2_METADATA_DISABLED", "true"))
    };
    let who = [
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
    ];
    let who = aws(&who);
    assert_eq!((who.code, &*who.stderr), (0, ""), "{who:?}");
    assert!(who.stdout.contains(":assumed-role/read/"), "{who:?}");
    let hook = aws(&["credential-process", "aws/prod:read"]);
    assert!(hook.stdout.contains("SessionToken"), "{hook:?}");
    assert!(!hook.stdout.contains(&id), "{hook:?}");
    assert_eq!(desk.story().len(), 2, "one lease served both");

    // A program that reads only its environment keeps a session for as long as the grant.
    let print = "echo \"$AWS_CREDENTIAL_EXPIRATION $JIT_EXPIRES_AT\"";
    let kept = aws(&["exec", "--on", "aws/prod", "--", "sh", "-c", print]);
    let (session, grant) = kept.stdout.trim().split_once(' ').unwrap();
    let [session, grant] = [session, grant].map(|at| Timestamp::parse(at).unwrap());
    let difference = session.secs().abs_diff(grant.secs());
    assert!(difference < 5, "{kept:?}");
    let left = grant.left(clock::now());
    assert!(left > Duration::from_mins(30), "{kept:?}");
}

fn private(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}
