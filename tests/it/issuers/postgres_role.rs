//! Roles made for a grant, at a real PostgreSQL, by a manager that is no superuser.

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
};

use jit::{
    domain::{
        credential::{Credential, Secret},
        failure::Code,
    },
    issuers::order::Revocation,
};
use secrecy::ExposeSecret as _;

use super::Scene;
use crate::support::{Access, Postgres, home::Ran, run, until};

const GROUP: &str = "it's \"ro\"; drop table kept; --";

fn start() -> Option<(Scene, Postgres)> {
    let server = Postgres::start(Access {
        hba: "hostssl all all 127.0.0.1/32 scram-sha-256",
        ..Access::default()
    })?;
    let mut scene = Scene::new(
        "postgres/orders",
        &format!(
            "hosts = [\"127.0.0.1:{}\"]
            issuer = \"dynamic-role\"
            credential = \"env:BASE\"
            certificate_authority = \"{}\"
            roles.read.role = {GROUP:?}
            roles.write.role = \"orders_rw\"",
            server.port(),
            server.ca().display(),
        ),
    );
    follow(&scene, &server);
    let url = format!(
        "postgresql://jit:manager@127.0.0.1:{}/postgres?sslmode=verify-full",
        server.port()
    );
    scene.set("BASE", &url);
    Some((scene, server))
}

/// What `jit trust` prints, piped into psql.
fn follow(scene: &Scene, server: &Postgres) {
    server.psql("create database other");
    server.psql("create table kept (id int)");
    for _ in ["once", "and again, which changes nothing"] {
        apply(server, &scene.trust());
    }
    server.psql("alter role jit password 'manager'");
    server.psql(&format!(
        "grant create on schema public to \"{}\"",
        GROUP.replace('"', "\"\"")
    ));
    server.psql_in("other", "grant create on schema public to public");
}

fn apply(server: &Postgres, script: &str) {
    let mut child = Command::new("psql")
        .args([
            "-Xq",
            "-v",
            "ON_ERROR_STOP=1",
            &server.superuser_url("postgres"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success(), "{script}");
}

#[tokio::test]
async fn a_server_that_took_its_trust_back_makes_no_role_and_keeps_its_groups() {
    let Some((scene, server)) = start() else {
        return;
    };
    let grant = scene.grant("read");
    scene.issue(&grant).await.unwrap();
    scene.revoke(&grant).await.unwrap();
    for _ in ["once", "and again, which changes nothing"] {
        apply(&server, &scene.removal());
    }
    let count = |which: &str| server.psql(&format!("select count(*) from pg_roles where {which}"));
    assert_eq!(count("rolname like 'jit%'"), "0");
    assert_eq!(count("rolname = 'orders_rw'"), "1");
    assert!(scene.issue(&scene.grant("read")).await.is_err());
    // The manager stays where it manages groups of another resource.
    apply(&server, &scene.trust());
    server.psql("create role others; grant others to jit");
    apply(&server, &scene.removal());
    assert_eq!(count("rolname = 'jit'"), "1");
}

fn login(credential: &Credential) -> (&str, &str) {
    let Secret::PostgresRole { role, password } = &credential.secret else {
        panic!("another secret");
    };
    (role, password.expose_secret())
}

fn psql(server: &Postgres, credential: &Credential, database: &str) -> Command {
    let (role, password) = login(credential);
    let mut command = Command::new("psql");
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("PGPASSWORD", password)
        .args(["-XAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"])
        .args(["-p", &server.port().to_string(), "-U", role, "-d", database]);
    command
}

fn ask(server: &Postgres, credential: &Credential, database: &str, sql: &str) -> Ran {
    run(psql(server, credential, database).args(["-c", sql]))
}

/// A session that lasts until somebody ends it.
fn session(server: &Postgres, credential: &Credential) -> Child {
    let child = psql(server, credential, "postgres")
        .args(["-c", "select pg_sleep(120)"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = format!(
        "select 1 from pg_stat_activity where usename = '{}' and query like '%pg_sleep%'",
        login(credential).0
    );
    until("a session", || (server.psql(&running) == "1").then_some(()));
    child
}

#[tokio::test]
async fn a_role_lives_as_its_grant_does() {
    let Some((scene, server)) = start() else {
        return;
    };
    let grant = scene.grant("read");
    let first = scene.issue(&grant).await.unwrap();
    assert_eq!(first.serial, format!("jit_{}", grant.id));
    let member = "select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid \
                  join pg_roles u on u.oid = m.member where u.rolname = current_user";
    let ran = ask(&server, &first, "postgres", member);
    assert_eq!(ran.stdout.trim_end(), GROUP, "{ran:?}");
    assert_eq!(server.psql("select count(*) from kept"), "0");
    let until = format!(
        "select extract(epoch from rolvaliduntil)::bigint from pg_roles where rolname = '{}'",
        first.serial
    );
    assert_eq!(server.psql(&until), first.expires_at.secs().to_string());

    // Renewed: the same role, a new password, and the old one is worth nothing.
    let second = scene.issue(&grant).await.unwrap();
    assert_eq!(second.serial, first.serial);
    assert_eq!(ask(&server, &second, "postgres", "select 1").code, 0);
    let refused = ask(&server, &first, "postgres", "select 1");
    assert!(
        refused.stderr.contains("password authentication failed"),
        "{refused:?}"
    );
    let log = server.log();
    for credential in [&first, &second] {
        assert!(!log.contains(login(credential).1), "the log shows a secret");
    }
}

#[tokio::test]
async fn revocation_ends_sessions_hands_on_objects_everywhere_and_drops_the_role() {
    let Some((scene, server)) = start() else {
        return;
    };
    let grant = scene.grant("read");
    let credential = scene.issue(&grant).await.unwrap();
    for database in ["postgres", "other"] {
        let sql = "create table made (id int); grant select on made to public; \
                   alter default privileges grant select on tables to public";
        let ran = ask(&server, &credential, database, sql);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let mut session = session(&server, &credential);
    assert_eq!(scene.revoke(&grant).await.unwrap(), Revocation::Ended);
    assert!(!session.wait().unwrap().success(), "the session lives on");
    let role = &credential.serial;
    let left = format!("select count(*) from pg_roles where rolname = '{role}'");
    assert_eq!(server.psql(&left), "0");
    for database in ["postgres", "other"] {
        let owner = "select tableowner from pg_tables where tablename = 'made'";
        assert_eq!(server.psql_in(database, owner), GROUP);
    }
    // A role that is not there is ended.
    assert_eq!(scene.revoke(&grant).await.unwrap(), Revocation::Ended);
}

#[tokio::test]
async fn a_revocation_that_broke_off_is_repeated() {
    let Some((scene, server)) = start() else {
        return;
    };
    let grant = scene.grant("write");
    let credential = scene.issue(&grant).await.unwrap();
    let role = &credential.serial;
    server.psql(&format!("alter role {role} nologin"));
    server.psql(&format!("grant {role} to jit"));
    // A renewal does not undo what the revocation did.
    let renewed = scene.issue(&grant).await.unwrap();
    let refused = ask(&server, &renewed, "postgres", "select 1");
    assert!(
        refused.stderr.contains("not permitted to log in"),
        "{refused:?}"
    );
    assert_eq!(scene.revoke(&grant).await.unwrap(), Revocation::Ended);
}

#[tokio::test]
async fn a_role_that_somebody_changed_is_not_renewed() {
    let Some((scene, server)) = start() else {
        return;
    };
    let grant = scene.grant("write");
    let credential = scene.issue(&grant).await.unwrap();
    server.psql(&format!("grant pg_monitor to {}", credential.serial));
    let failure = scene.issue(&grant).await.unwrap_err();
    assert!(failure.message.contains("any more"), "{failure:?}");
    assert_eq!(
        failure.hint,
        format!(
            "\"jit revoke {}\" drops it; then ask for a new grant",
            grant.id
        )
    );
}

#[tokio::test]
async fn what_the_server_refuses_is_said_with_what_to_do() {
    let Some((mut scene, server)) = start() else {
        return;
    };
    let grant = scene.grant("write");
    server.psql("revoke orders_rw from jit; alter role jit nocreaterole");
    let failure = scene.issue(&grant).await.unwrap_err();
    assert!(
        failure
            .message
            .ends_with("does not let the credential's role do this"),
        "{failure:?}"
    );
    assert!(
        failure.hint.contains("jit trust postgres/orders"),
        "{failure:?}"
    );

    server.psql("alter role jit createrole; drop role orders_rw");
    let failure = scene.issue(&grant).await.unwrap_err();
    assert!(
        failure.hint.contains("jit trust postgres/orders"),
        "{failure:?}"
    );

    let url = |login: &str, database: &str| {
        format!(
            "postgresql://{login}@127.0.0.1:{}/{database}",
            server.port()
        )
    };
    scene.set("BASE", &url("jit:wrong", "postgres"));
    let failure = scene.issue(&grant).await.unwrap_err();
    assert!(failure.message.contains("refuses the login"), "{failure:?}");
    assert!(!format!("{failure:?}").contains("wrong"), "{failure:?}");
    scene.set("BASE", &url("jit:manager", "nowhere"));
    let failure = scene.issue(&grant).await.unwrap_err();
    assert!(failure.hint.contains("correct the database"), "{failure:?}");
    assert_eq!(failure.code, Code::Failed);
}
