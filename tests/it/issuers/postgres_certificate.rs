//! Client certificates at a real PostgreSQL.

use std::{fs, process::Command, time::Duration};

use jit::{
    domain::{credential::Secret, elevation::Grant},
    issuers::{self, order::Revocation},
    platform::clock,
};

use super::Scene;
use crate::support::{Access, Postgres, home::Ran, run, until};

fn scene() -> Scene {
    Scene::new(
        "postgres/orders",
        "hosts = [\"127.0.0.1\"]
        databases = [\"postgres\"]
        issuer = \"certificate\"
        roles.read.role = \"orders_ro\"
        roles.odd.role = \"all\"",
    )
}

/// What `jit trust` says, as an administrator follows it.
fn trusting(scene: &Scene) -> Option<Postgres> {
    let authority = issuers::trust_ca(&scene.name, &scene.resource, &scene.site()).unwrap();
    let trust = scene.trust();
    assert!(trust.contains(&authority));
    let lines: Vec<&str> = trust
        .lines()
        .filter(|line| line.starts_with("hostssl"))
        .collect();
    let server = Postgres::start(Access {
        client_ca: Some(&authority),
        hba: &lines.join("\n"),
        ident: "",
    })?;
    server.psql("create role orders_ro login; create role \"all\" login; create role other login");
    Some(server)
}

fn connect(scene: &Scene, server: &Postgres, certificate: &str, user: &str) -> Ran {
    run(Command::new("psql")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", server.ca())
        .env("PGSSLKEY", scene.client_key())
        .env("PGSSLCERT", scene.home.write("client.crt", certificate))
        .args(["-XAt", "-h", "127.0.0.1", "-p", &server.port().to_string()])
        .args(["-U", user, "-d", "postgres"])
        .args(["-c", "select current_user"]))
}

async fn certificate(scene: &Scene, grant: &Grant) -> String {
    let Secret::PostgresCertificate { certificate, .. } = scene.issue(grant).await.unwrap().secret
    else {
        panic!("another secret");
    };
    certificate
}

#[tokio::test]
async fn a_certificate_opens_a_session_of_its_role_and_is_named_in_the_log() {
    let scene = scene();
    let Some(server) = trusting(&scene) else {
        return;
    };
    let grant = scene.grant("read");
    let certificate = certificate(&scene, &grant).await;
    let ran = connect(&scene, &server, &certificate, "orders_ro");
    assert_eq!(ran.stdout, "orders_ro\n", "{ran:?}");
    let logged = server.logged("method=cert");
    assert!(
        logged.contains(&format!(
            "identity=\"UID=alice@example.com,OU=jit:{},CN=orders_ro\" method=cert",
            grant.id
        )),
        "{logged}"
    );
    for user in ["other", "all", "postgres"] {
        let refused = connect(&scene, &server, &certificate, user);
        assert_ne!(refused.code, 0, "let in as {user}");
    }
    let ended = scene.revoke(&grant).await.unwrap();
    assert_eq!(ended, Revocation::EndsByItself);
}

#[tokio::test]
async fn a_role_named_like_a_keyword_is_only_a_role() {
    let scene = scene();
    let Some(server) = trusting(&scene) else {
        return;
    };
    let certificate = certificate(&scene, &scene.grant("odd")).await;
    assert_eq!(
        connect(&scene, &server, &certificate, "all").stdout,
        "all\n"
    );
    assert_ne!(connect(&scene, &server, &certificate, "other").code, 0);
}

#[tokio::test]
async fn a_certificate_that_is_over_or_of_another_authority_is_refused() {
    let scene = scene();
    let Some(server) = trusting(&scene) else {
        return;
    };
    let grant = scene.grant("read");
    let earlier = clock::now().before(Duration::from_mins(20));
    let over = scene.issue_at(&grant, earlier).await.unwrap();
    let Secret::PostgresCertificate { certificate, .. } = over.secret else {
        panic!("another secret");
    };
    let refused = connect(&scene, &server, &certificate, "orders_ro");
    assert!(refused.stderr.contains("expired"), "{refused:?}");

    let stranger = super::postgres_certificate::scene();
    let certificate = self::certificate(&stranger, &stranger.grant("read")).await;
    let refused = connect(&stranger, &server, &certificate, "orders_ro");
    assert_ne!(refused.code, 0, "{refused:?}");
}

#[tokio::test]
async fn a_server_that_took_its_trust_back_lets_nobody_in() {
    let scene = scene();
    let Some(server) = trusting(&scene) else {
        return;
    };
    let grant = scene.grant("read");
    let made = certificate(&scene, &grant).await;
    let let_in = connect(&scene, &server, &made, "orders_ro");
    assert_eq!(let_in.code, 0, "{let_in:?}");
    let removal = scene.removal();
    let removed: Vec<&str> = removal
        .lines()
        .filter_map(|line| line.strip_prefix("#    "))
        .collect();
    assert!(
        removed.contains(&"ALTER SYSTEM RESET ssl_ca_file"),
        "{removal}"
    );
    let file = server.psql("show hba_file");
    let text = fs::read_to_string(&file).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !removed.contains(line))
        .collect();
    assert_eq!(text.lines().count() - kept.len(), 2, "{removal}");
    fs::write(&file, kept.join("\n") + "\n").unwrap();
    server.psql("select pg_reload_conf()");
    until("the server to have read it", || {
        let refused = connect(&scene, &server, &made, "orders_ro");
        refused
            .stderr
            .contains("no pg_hba.conf entry")
            .then_some(())
    });
}
