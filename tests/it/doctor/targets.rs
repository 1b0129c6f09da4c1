//! Each kind of target, really tried.

use std::process::Command;

use serde_json::Value;

use super::{Home, Ran, findings, hints, home, jit, run, says};
use crate::support::{
    Access, Kube, Moto, Postgres, Sshd, client_config,
    moto::{ACCOUNT, REGION},
    skip::skip,
    stranger::{DOWN, silent},
    whereabouts::{program, user_name},
};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}"#;
const BASE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
const NOTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
const HBA: &str = "hostssl orders orders_ro 127.0.0.1/32 cert";

fn doctor(home: &Home, args: &[&str]) -> Ran {
    run(&mut command(home, args))
}

fn command(home: &Home, args: &[&str]) -> Command {
    let mut command = home.jit(["doctor", "--json"]);
    command
        .args(args)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", home.path("aws-config"));
    command
}

/// Each event of the ledger: its kind and who asked.
fn story(home: &Home) -> Vec<String> {
    let listed = jit(home, &["audit", "--json"]);
    let line = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let tool = event["origin"]["tool"].as_str().unwrap_or("-").to_owned();
        format!("{} by {tool}", event["kind"].as_str().unwrap())
    };
    listed.stdout.lines().map(line).collect()
}

/// What was asked for was given back, and nothing rests.
#[track_caller]
fn gave_back(home: &Home) {
    let told = ["granted by doctor", "issued by doctor", "revoked by doctor"];
    assert_eq!(story(home), told);
    assert_eq!(jit(home, &["status", "--json"]).stdout, "");
    assert_eq!(
        jit(home, &["revoke", "--all"]).stdout,
        "nothing to revoke\n"
    );
}

/// A home with some hosts behind one name, and an ssh that knows where that name is.
struct Web {
    home: Home,
    sshd: Sshd,
}

impl Web {
    fn new(trusts: bool) -> Option<Self> {
        let home = home(&format!(
            "[resources.\"ssh/web\"]\nhosts = [\"web\"]\nroles.\"{}\" = {{}}\n",
            user_name()
        ));
        let own = jit(&home, &["trust", "ssh/web", "--ca"]).stdout;
        let ca = if trusts { own } else { "# nobody\n".to_owned() };
        let sshd = Sshd::start(&home.write("ca.pub", &ca))?;
        let config = client_config(&home.path(""), &[("web", &sshd, None)]);
        let ssh = program("ssh", None).unwrap();
        let script = format!("exec {} -F {} \"$@\"", ssh.display(), config.display());
        home.tool("ssh", &script);
        Some(Self { home, sshd })
    }
}

#[test]
fn a_host_that_trusts_this_authority_is_logged_in_to() {
    let Some(web) = Web::new(true) else { return };
    let ran = doctor(&web.home, &["ssh/web"]);
    let user = user_name();
    assert_eq!(
        says(&ran, "targets", "ssh/web"),
        format!("ok: web lets {user} in")
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    web.sshd.logged("Accepted publickey");
    gave_back(&web.home);
}

#[test]
fn a_lease_that_is_held_is_used_and_stays() {
    let Some(web) = Web::new(true) else { return };
    let asked = jit(&web.home, &["request", &format!("ssh/web:{}", user_name())]);
    assert_eq!(asked.code, 0, "{asked:?}");
    let ran = doctor(&web.home, &["ssh/web"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(story(&web.home), ["granted by -", "issued by -"]);
    assert_ne!(jit(&web.home, &["status", "--json"]).stdout, "");
}

#[test]
fn a_host_that_trusts_somebody_else_says_so() {
    let Some(web) = Web::new(false) else { return };
    let ran = doctor(&web.home, &["ssh/web"]);
    assert_eq!(
        says(&ran, "targets", "ssh/web"),
        "fail: web does not let the certificate in"
    );
    assert!(
        hints(&ran).contains("jit trust ssh/web | ssh root@web sh"),
        "{ran:?}"
    );
    assert_eq!(ran.code, 125, "{ran:?}");
    gave_back(&web.home);
}

#[test]
fn a_host_whose_key_nobody_knows_is_not_believed() {
    let Some(web) = Web::new(true) else { return };
    web.home.write("known_hosts", "");
    let ran = doctor(&web.home, &["ssh/web"]);
    assert_eq!(
        says(&ran, "targets", "ssh/web"),
        "fail: web has a host key that is not known"
    );
    assert_eq!(std::fs::read(web.home.path("known_hosts")).unwrap(), b"");
}

/// A server with its database, and a home that reaches it.
fn orders(access: fn(&str) -> Access<'_>) -> Option<(Home, Postgres)> {
    let postgres = Postgres::start(Access::default())?;
    postgres.psql("create role orders_ro login");
    postgres.psql("create database orders");
    let home = home(&format!(
        "[resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{}\"]\ndatabases = [\"orders\"]\n\
         certificate_authority = {:?}\nissuer = \"certificate\"\nroles.read.role = \"orders_ro\"\n",
        postgres.port(),
        postgres.ca(),
    ));
    let ca = jit(&home, &["trust", "postgres/orders", "--ca"]).stdout;
    postgres.allow(access(&ca));
    Some((home, postgres))
}

#[test]
fn a_database_that_trusts_this_authority_is_logged_in_to() {
    fn trusting(ca: &str) -> Access<'_> {
        Access {
            client_ca: Some(ca),
            hba: HBA,
            ident: "",
        }
    }
    let Some((home, postgres)) = orders(trusting) else {
        return;
    };
    let mut command = command(&home, &["postgres/orders"]);
    // What a user has around them leads nowhere else.
    let ran = run(command
        .env("PGPASSWORD", "hunter2")
        .env("PGHOST", "elsewhere"));
    let port = postgres.port();
    assert_eq!(
        says(&ran, "targets", "postgres/orders"),
        format!("ok: 127.0.0.1:{port} knows read as orders_ro")
    );
    assert_eq!(
        says(&ran, "clock", "clock"),
        "ok: it agrees with postgres/orders"
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    postgres.logged("jit doctor");
    gave_back(&home);
}

#[test]
fn a_database_says_which_part_of_its_trust_is_missing() {
    let Some((home, postgres)) = orders(|ca| Access {
        client_ca: Some(ca),
        ..Access::default()
    }) else {
        return;
    };
    let ca = jit(&home, &["trust", "postgres/orders", "--ca"]).stdout;
    let ailing = |what: &str, hint: &str| {
        let ran = doctor(&home, &["postgres/orders"]);
        let said = says(&ran, "targets", "postgres/orders");
        assert!(said.starts_with("fail: ") && said.contains(what), "{ran:?}");
        assert!(hints(&ran).contains(hint), "{ran:?}");
        assert_eq!(ran.code, 125);
    };
    ailing("no pg_hba.conf entry", "add the line of pg_hba.conf");
    postgres.allow(Access {
        client_ca: None,
        hba: HBA,
        ident: "",
    });
    ailing("does not trust the client certificate", "ssl_ca_file");
    postgres.allow(Access {
        client_ca: Some(&ca),
        hba: "hostssl orders orders_ro 127.0.0.1/32 cert map=none",
        ident: "",
    });
    ailing("certificate authentication failed", "pg_ident.conf");
    postgres.allow(Access {
        client_ca: Some(&ca),
        hba: HBA,
        ident: "",
    });
    postgres.psql("drop database orders");
    ailing("does not exist", "correct its name");
}

/// A home whose authority the cluster trusts, in a namespace of its own.
fn cluster(kube: &Kube, namespace: &str) -> Home {
    let home = home(&format!(
        "[resources.\"kubernetes/prod\"]\nserver = \"{}\"\ncertificate_authority = {:?}\n\
         issuer = \"token-request\"\nnamespace = \"{namespace}\"\ncredential = \"file:base.token\"\n\
         roles.view.service_account = \"{namespace}/view\"\n",
        kube.url(),
        kube.ca(),
    ));
    kube.apply(&jit(&home, &["trust", "kubernetes/prod"]).stdout);
    let token = kube.kubectl(&["-n", namespace, "create", "token", "jit", "--duration=1h"]);
    home.configure("base.token", &token);
    home
}

/// What a cluster's administrator forgot.
fn bind_view(kube: &Kube, namespace: &str) {
    kube.apply(&format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {namespace}-look}}\n\
         rules: [{{apiGroups: [\"\"], resources: [namespaces], verbs: [get, list]}}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {namespace}-look}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {namespace}-look}}\n\
         subjects: [{{kind: ServiceAccount, name: view, namespace: {namespace}}}]\n"
    ));
    let account = format!("system:serviceaccount:{namespace}:view");
    crate::support::until("the role to be bound", || {
        let can = ["auth", "can-i", "list", "namespaces", "--as", &account];
        (kube.try_kubectl(&can).code == 0).then_some(())
    });
}

#[test]
fn a_cluster_tells_whom_it_knows_and_what_that_one_may() {
    let Some(kube) = Kube::shared() else { return };
    let home = cluster(kube, "doctor-on");
    bind_view(kube, "doctor-on");
    let ran = doctor(&home, &["kubernetes/prod"]);
    let said = says(&ran, "targets", "kubernetes/prod");
    assert!(
        said.starts_with("ok: view is system:serviceaccount:doctor-on:view, and may get, list"),
        "{ran:?}"
    );
    assert_eq!(
        says(&ran, "clock", "clock"),
        "ok: it agrees with kubernetes/prod"
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    gave_back(&home);
}

#[test]
fn a_cluster_that_does_not_let_tokens_be_made_says_so() {
    let Some(kube) = Kube::shared() else { return };
    let home = cluster(kube, "doctor-off");
    let token = kube.kubectl(&["-n", "doctor-off", "create", "token", "view"]);
    home.configure("base.token", &token);
    let ran = doctor(&home, &["kubernetes/prod"]);
    let said = says(&ran, "targets", "kubernetes/prod");
    assert!(
        said.starts_with("fail: kubernetes/prod does not let the base credential create Secret"),
        "{ran:?}"
    );
    assert!(hints(&ran).contains("jit trust kubernetes/prod | kubectl apply -f -"));
    assert!(!ran.stdout.contains(token.trim()), "{ran:?}");
    assert_eq!(ran.code, 125);
    assert_eq!(jit(&home, &["status", "--json"]).stdout, "");
}

#[test]
fn a_clock_that_is_off_is_said_with_what_it_breaks() {
    let (Some(kube), Some(faketime)) = (Kube::shared(), program("faketime", None)) else {
        return skip("faketime is not installed, or there is no API server");
    };
    let home = cluster(kube, "doctor-clock");
    for (offset, said) in [("+10m", "ahead of"), ("-10m", "behind")] {
        let mut command = home.command(&faketime);
        command.env("DONT_FAKE_MONOTONIC", "1");
        command.args(["-f", offset]).arg(env!("CARGO_BIN_EXE_jit"));
        let ran = run(command.args(["doctor", "--json", "kubernetes/prod"]));
        let about = says(&ran, "targets", "kubernetes/prod");
        assert!(
            about.contains(&format!(" {said} its clock: ")),
            "{offset}: {ran:?}"
        );
        assert_eq!(ran.code, 125, "{offset}");
    }
}

/// An account whose base user has these permissions.
fn account(moto: &Moto, permissions: &str) -> Home {
    let arn = moto.create_role("read", TRUST, BASE);
    let (key, secret) = moto.create_user("authority", permissions);
    let home = home(&format!(
        "[resources.\"aws/prod\"]\naccount = \"{ACCOUNT}\"\nregion = \"{REGION}\"\nissuer = \"assume-role\"\n\
         base_profile = \"base\"\nendpoint = \"{}\"\nroles.read.arn = \"{arn}\"\n",
        moto.url()
    ));
    home.write(
        "aws-config",
        &format!("[profile base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"),
    );
    home
}

#[test]
fn an_account_lets_this_authority_in_or_says_that_it_does_not() {
    for (permissions, level, code) in [
        (BASE, "ok: read is ", 0),
        (NOTHING, "fail: aws/prod at ", 125),
    ] {
        let Some(moto) = Moto::start() else { return };
        let home = account(&moto, permissions);
        moto.begin_checks();
        let ran = doctor(&home, &["aws/prod"]);
        let said = says(&ran, "targets", "aws/prod");
        assert!(said.starts_with(level), "{ran:?}");
        assert_eq!(ran.code, code, "{ran:?}");
        if code == 0 {
            assert_eq!(says(&ran, "clock", "clock"), "ok: it agrees with aws/prod");
            gave_back(&home);
        } else {
            assert!(hints(&ran).contains("jit trust aws/prod"), "{ran:?}");
        }
    }
}

/// One of each kind at that port.
fn all_at(port: u16) -> String {
    format!(
        "[resources.\"ssh/web\"]\nhosts = [\"127.0.0.1\", \"*.internal\"]\nroles.deploy = {{}}\n\
         [resources.\"kubernetes/prod\"]\nserver = \"https://127.0.0.1:{port}\"\nissuer = \"token-request\"\n\
         credential = \"env:BASE\"\nroles.view.service_account = \"jit/view\"\n\
         [resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{port}\"]\nissuer = \"certificate\"\n\
         roles.read.role = \"orders_ro\"\n\
         [resources.\"aws/prod\"]\naccount = \"{ACCOUNT}\"\nissuer = \"assume-role\"\n\
         endpoint = \"http://127.0.0.1:{port}\"\nroles.read.arn = \"arn:aws:iam::{ACCOUNT}:role/read\"\n\
         [resources.\"ssh/sensitive\"]\nhosts = [\"other\"]\nroles.root.tier = \"sensitive\"\n\
         [resources.\"ssh/elevated\"]\nhosts = [\"third\"]\nroles.ops.tier = \"elevated\"\n"
    )
}

fn at_port(port: u16) -> (Home, Ran) {
    let home = home(&all_at(port));
    home.tool(
        "ssh",
        &format!("exec /usr/bin/ssh -F none -o Port={port} -o StrictHostKeyChecking=yes \"$@\""),
    );
    let mut command = command(&home, &[]);
    command.env("BASE", "hunter2");
    command.env("AWS_ACCESS_KEY_ID", "AKIA");
    command.env("AWS_SECRET_ACCESS_KEY", "hunter2");
    let ran = run(&mut command);
    assert!(!ran.stdout.contains("hunter2") && !ran.stderr.contains("hunter2"));
    assert_eq!(ran.code, 125, "{ran:?}");
    (home, ran)
}

#[test]
fn targets_that_are_down_are_one_line_each() {
    let (_home, ran) = at_port(DOWN);
    for (subject, said) in [
        ("ssh/web", "fail: 127.0.0.1 cannot be reached: "),
        (
            "kubernetes/prod",
            "fail: kubernetes/prod at https://127.0.0.1:9 refuses connections",
        ),
        (
            "postgres/orders",
            "fail: postgres/orders at 127.0.0.1:9 refuses connections",
        ),
        (
            "aws/prod",
            "fail: aws/prod at http://127.0.0.1:9 refuses connections",
        ),
    ] {
        assert!(
            says(&ran, "targets", subject).starts_with(said),
            "{subject}: {ran:?}"
        );
    }
    for (subject, said) in [
        (
            "ssh/sensitive",
            "note: not tried: ssh/sensitive:root needs somebody's approval",
        ),
        (
            "ssh/elevated",
            "note: not tried: ssh/elevated:ops needs a reason",
        ),
    ] {
        assert_eq!(says(&ran, "targets", subject), said);
    }
    assert!(says(&ran, "targets", "ssh/web").contains("not tried: *.internal could be any host"));
    let failed = findings(&ran)
        .iter()
        .filter(|one| one["level"] == "fail")
        .count();
    assert_eq!(failed, 4, "{ran:?}");
    assert!(ran.stderr.contains("4 checks failed"), "{ran:?}");
}

#[test]
fn targets_that_are_silent_hold_up_nobody() {
    let (_silent, port) = silent();
    let began = std::time::Instant::now();
    let (home, ran) = at_port(port);
    assert!(began.elapsed().as_secs() < 50, "{:?}", began.elapsed());
    for subject in ["ssh/web", "kubernetes/prod", "postgres/orders", "aws/prod"] {
        let said = says(&ran, "targets", subject);
        assert!(said.starts_with("fail: "), "{subject}: {ran:?}");
    }
    assert_eq!(jit(&home, &["status", "--json"]).stdout, "");
}
