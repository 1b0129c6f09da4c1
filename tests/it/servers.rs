//! The servers that the tests stand on really start, and tell apart who may come in from who may not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::kubernetes::ADMIN_TOKEN;
use crate::support::moto::ACCOUNT;
use crate::support::{Access, Home, Kube, Moto, Postgres, Sshd, client_config, run, until};

#[test]
fn sshd_lets_in_a_certificate_of_its_authority_also_through_a_jump_host() {
    let home = Home::new();
    let authority = keygen(&home, "authority");
    let Some(near) = Sshd::start(&authority.with_extension("pub")) else {
        return;
    };
    let Some(far) = Sshd::start(&authority.with_extension("pub")) else {
        return;
    };
    let config = client_config(
        &home.path("."),
        &[("near", &near, None), ("far", &far, Some("near"))],
    );
    let key = keygen(&home, "user");
    // In the file, because ssh does not hand its own -i to the jump.
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("IdentityFile {}\n{text}", key.display())).unwrap();
    let ssh = |host: &str| {
        run(home
            .command(Path::new("ssh"))
            .arg("-F")
            .arg(&config)
            .args([host, "echo", "here"]))
    };

    let refused = ssh("near");
    assert_eq!(refused.code, 255, "{refused:?}");
    assert!(refused.stderr.contains("Permission denied"), "{refused:?}");

    let certificate = [
        "-s",
        authority.to_str().unwrap(),
        "-I",
        "grant-7",
        "-n",
        near.user(),
        "-V",
        "-1m:+5m",
    ];
    assert_eq!(
        run(Command::new("ssh-keygen")
            .arg("-q")
            .args(certificate)
            .arg(key.with_extension("pub")))
        .code,
        0
    );
    let ran = ssh("far");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "here\n"), "{ran:?}");
    near.logged("ID grant-7");
    assert!(far.log().contains("ID grant-7"));
}

#[test]
fn postgres_lets_in_the_client_certificates_it_is_told_to() {
    let Some(server) = Postgres::start(Access::default()) else {
        return;
    };
    server.psql("create role reader login");
    assert_eq!(
        server.psql("select rolname from pg_roles where rolname = 'reader'"),
        "reader"
    );

    let connect = || {
        run(Command::new("psql")
            .env("PGSSLROOTCERT", server.ca())
            .args([
                "-XAt",
                "-c",
                "select current_user",
                &format!(
                    "postgresql://reader@127.0.0.1:{}/postgres?sslmode=verify-full",
                    server.port()
                ),
            ]))
    };
    let refused = connect();
    assert!(
        refused.stderr.contains("no pg_hba.conf entry"),
        "{refused:?}"
    );

    server.allow(Access {
        hba: "hostssl all reader 127.0.0.1/32 trust",
        ..Access::default()
    });
    assert_eq!(connect().stdout, "reader\n");
    server.logged("user=reader");
    assert!(server.log().contains("select current_user"));

    let ran = run(Command::new("psql").args([
        "-XAt",
        "-c",
        "select 1",
        &server.superuser_url("postgres"),
    ]));
    assert_eq!(ran.stdout, "1\n", "{ran:?}");
}

#[test]
fn kubernetes_authorises_and_audits() {
    let Some(kube) = Kube::shared() else { return };
    assert!(kube.admin_kubeconfig().is_file());
    kube.apply("{apiVersion: v1, kind: Namespace, metadata: {name: smoke}}");
    kube.kubectl(&["-n", "smoke", "create", "serviceaccount", "robot"]);
    let token = kube.kubectl(&["-n", "smoke", "create", "token", "robot"]);

    let as_robot = |token: &str| {
        let (url, ca) = (kube.url(), kube.ca().display().to_string());
        kube.try_kubectl(&[
            "--kubeconfig=/dev/null",
            "-s",
            &url,
            "--certificate-authority",
            &ca,
            "--token",
            token,
            "get",
            "pods",
            "-n",
            "smoke",
        ])
    };
    assert!(as_robot("nobody's").stderr.contains("Unauthorized"));
    let refused = as_robot(&token);
    assert!(refused.stderr.contains("Forbidden"), "{refused:?}");
    kube.kubectl(&[
        "-n",
        "smoke",
        "create",
        "role",
        "reader",
        "--verb=list",
        "--resource=pods",
    ]);
    kube.kubectl(&[
        "-n",
        "smoke",
        "create",
        "rolebinding",
        "robot",
        "--role=reader",
        "--serviceaccount=smoke:robot",
    ]);
    assert_eq!(as_robot(ADMIN_TOKEN).code, 0);
    let listed = until("the binding to bite", || {
        Some(as_robot(&token)).filter(|ran| ran.code == 0)
    });
    assert!(listed.stderr.contains("No resources found"), "{listed:?}");
    assert_eq!(
        kube.audited("serviceaccounts/robot/token")["user"]["username"],
        "admin"
    );
}

#[test]
fn kubernetes_of_a_single_test_ends_with_it() {
    let Some(kube) = Kube::start(&["--max-requests-inflight=50"]) else {
        return;
    };
    let (config, kubectl) = (kube.admin_kubeconfig(), kube.kubectl(&["version"]));
    assert!(kubectl.contains("Server Version"), "{kubectl}");
    drop(kube);
    assert!(!config.exists());
}

#[test]
fn moto_checks_signatures_and_policies_once_told_to() {
    let Some(moto) = Moto::start() else { return };
    let root = moto.aws(&["sts", "get-caller-identity"]);
    assert_eq!(root["Account"], ACCOUNT);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    let allow = |action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
        )
    };
    let arn = moto.create_role("read", trust, &allow("s3:List*"));
    assert_eq!(arn, "arn:aws:iam::123456789012:role/read");
    let (key, secret) = moto.create_user("base", &allow("sts:AssumeRole"));

    moto.begin_checks();
    let forged = moto.try_aws((&key, "wrong"), &["sts", "get-caller-identity"]);
    assert!(
        forged.stderr.contains("SignatureDoesNotMatch"),
        "{forged:?}"
    );
    let assume = [
        "sts",
        "assume-role",
        "--role-arn",
        &arn,
        "--role-session-name",
        "grant",
    ];
    let assumed = moto.try_aws((&key, &secret), &assume);
    assert_eq!(assumed.code, 0, "{assumed:?}");
    let refused = moto.try_aws((&key, &secret), &["s3api", "list-buckets"]);
    assert!(refused.stderr.contains("AccessDenied"), "{refused:?}");
    moto.end_checks();
    assert_eq!(
        moto.try_aws((&key, &secret), &["s3api", "list-buckets"])
            .code,
        0
    );
    assert!(moto.log().contains("POST /"));
}

#[test]
fn a_home_holds_nothing_of_the_caller() {
    let home = Home::new();
    home.configure("config.toml", "");
    assert!(home.config().join("config.toml").is_file());
    home.tool(
        "kubectl",
        "echo mine; env | cut -d= -f1 | sort | xargs; exit 7",
    );
    let ran = run(&mut home.command(&home.path("bin/kubectl")));
    assert_eq!(ran.code, 7);
    let names = "HOME LANG PATH PWD TERM XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR XDG_STATE_HOME";
    assert_eq!(ran.stdout, format!("mine\n{names}\n"));
    assert_ne!(run(&mut home.jit(["no-such-verb"])).code, 0);
}

fn keygen(home: &Home, name: &str) -> PathBuf {
    let file = home.path(name);
    let ran = run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(fs::metadata(&file).unwrap().is_file());
    file
}
