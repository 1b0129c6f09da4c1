//! `jit exec -- psql …` against a real PostgreSQL.

use super::{Home, events, home, jit, last, story, works};
use crate::support::{Access, Postgres, run, until};

const HBA: &str = "hostssl orders orders_ro,orders_rw 127.0.0.1/32 cert";

pub(super) fn database(postgres: &Postgres) {
    for sql in [
        "create role orders_ro login",
        "create role orders_rw login",
        "create database orders",
    ] {
        postgres.psql(sql);
    }
    postgres.psql_in(
        "orders",
        "create table item (name text); insert into item values ('kite');
         grant select on item to orders_ro; grant select, insert on item to orders_rw;
         grant create on schema public to orders_rw",
    );
}

pub(super) fn catalogue(postgres: &Postgres, issuer: &str) -> String {
    format!(
        r#"
[resources."postgres/orders"]
hosts = ["127.0.0.1:{}"]
databases = ["orders"]
certificate_authority = "{}"
{issuer}
roles.read = {{ role = "orders_ro" }}
roles.write = {{ role = "orders_rw", tier = "elevated" }}
"#,
        postgres.port(),
        postgres.ca().display(),
    )
}

/// A home whose certificates the server accepts.
pub(super) fn with_certificates(postgres: &Postgres) -> Home {
    database(postgres);
    let home = home(&catalogue(postgres, "issuer = \"certificate\""));
    let ca = works(&home, &["trust", "postgres/orders", "--ca"]);
    postgres.allow(Access {
        client_ca: Some(&ca),
        hba: HBA,
        ident: "",
    });
    home
}

/// A home whose authority makes roles there, by what is in `MANAGER`.
pub(super) fn with_roles(postgres: &Postgres) -> Home {
    database(postgres);
    postgres.allow(Access {
        client_ca: None,
        hba: "hostssl orders all 127.0.0.1/32 scram-sha-256",
        ident: "",
    });
    let issuer = "issuer = \"dynamic-role\"\ncredential = \"env:MANAGER\"";
    home(&catalogue(postgres, issuer))
}

#[test]
fn psql_starts_read_only_and_the_server_knows_the_grant() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_certificates(&postgres);
    let psql = ["exec", "--", "psql", "-X", "-At", "-c"];
    let read = works(
        &home,
        &[
            &psql[..],
            &["select name, current_user from item", "orders"],
        ]
        .concat(),
    );
    assert_eq!(read, "kite|orders_ro\n");
    assert_eq!(
        story(&home),
        [
            "granted postgres/orders:read",
            "issued postgres/orders:read"
        ]
    );
    let write = jit(
        &home,
        &[&psql[..], &["insert into item values ('x')", "orders"]].concat(),
    );
    assert_eq!(write.code, 1, "psql's own exit code: {write:?}");
    assert!(write.stderr.contains("permission denied"), "{write:?}");
    assert_eq!(events(&home).len(), 2, "the lease was used again");
    let (grant, _) = last(&home);
    postgres.logged(&grant);
}

#[test]
fn a_larger_role_is_named_and_needs_a_reason() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_certificates(&postgres);
    let insert = [
        "--",
        "psql",
        "-X",
        "-q",
        "-c",
        "insert into item values ('rope')",
        "orders",
    ];
    let silent = jit(&home, &[&["exec", "--role", "write"][..], &insert].concat());
    assert_eq!(silent.code, 121, "{silent:?}");
    works(
        &home,
        &[
            &["exec", "--role", "write", "-j", "order 4711"][..],
            &insert,
        ]
        .concat(),
    );
    assert_eq!(postgres.psql_in("orders", "select count(*) from item"), "2");
    let why: Vec<_> = events(&home)
        .iter()
        .map(|event| event["justification"].clone())
        .collect();
    assert!(why.contains(&"order 4711".into()), "{why:?}");
}

#[test]
fn libpqs_own_programs_and_scripts_work_too() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_certificates(&postgres);
    let dumped = works(
        &home,
        &[
            "exec",
            "--on",
            "postgres/orders",
            "--",
            "pg_dump",
            "-t",
            "item",
            "orders",
        ],
    );
    assert!(dumped.contains("kite"), "{dumped}");
    let dump = home.path("dump");
    let dump = dump.to_str().unwrap();
    for connection in ["orders", "host=127.0.0.1 dbname=orders"] {
        let port = format!("--port={}", postgres.port());
        let args = [
            "exec", "--", "pg_dump", "-Fc", "-t", "item", "-f", dump, &port, "-d", connection,
        ];
        works(&home, &args);
    }
    // Without a database it only converts.
    assert!(works(&home, &["exec", "--", "pg_restore", "-f", "-", dump]).contains("kite"));
    postgres.psql_in("orders", "alter table item owner to orders_rw");
    let restore = ["--", "pg_restore", "--clean", "-Od", "orders", dump];
    let nobody = jit(&home, &[&["exec"][..], &restore].concat());
    assert_eq!(nobody.code, 2, "which role, is not guessed: {nobody:?}");
    works(
        &home,
        &[&["exec", "--role", "write", "-j", "x"][..], &restore].concat(),
    );
    let bench = [
        "exec", "--role", "write", "--", "pgbench", "-i", "-q", "orders",
    ];
    works(&home, &bench);
    assert_eq!(
        postgres.psql_in("orders", "select count(*) from pgbench_accounts"),
        "100000"
    );
    works(&home, &["exec", "--", "pg_isready", "--version"]);
    // A child that inherits no open files.
    let script = "import subprocess; subprocess.run(['psql', '-X', '-At', '-d', 'orders', '-c', 'select 6*7'], close_fds=True, check=True)";
    let answer = works(
        &home,
        &[
            "exec",
            "--on",
            "postgres/orders",
            "--",
            "python3",
            "-c",
            script,
        ],
    );
    assert_eq!(answer, "42\n");
}

#[test]
fn the_secret_is_in_no_argument_and_no_variable() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_certificates(&postgres);
    let shown = "tr '\\0' '\\n' < /proc/self/environ; tr '\\0' '\\n' < /proc/self/cmdline";
    let seen = works(
        &home,
        &["exec", "--on", "postgres/orders", "--", "sh", "-c", shown],
    );
    assert!(seen.contains("PGUSER=orders_ro"), "{seen}");
    assert!(
        !seen.contains("PRIVATE KEY") && !seen.contains("PGPASSWORD"),
        "{seen}"
    );
}

#[test]
fn a_dynamic_role_comes_and_goes_with_its_grant() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_roles(&postgres);
    let with_manager = |args: &[&str]| {
        let mut command = home.jit(args);
        run(command.env("MANAGER", postgres.superuser_url("orders")))
    };
    let sql = "create table made (); select current_user, session_user like 'jit_%'";
    let made = with_manager(&[
        "exec", "--role", "write", "-j", "x", "--", "psql", "-X", "-qAt", "-c", sql, "orders",
    ]);
    assert_eq!(
        (made.code, made.stdout.as_str()),
        (0, "orders_rw|t\n"),
        "{made:?}"
    );
    assert_eq!(
        postgres.psql("select count(*) from pg_roles where rolname like 'jit\\_%'"),
        "1"
    );
    let log = postgres.log();
    assert!(
        !log.contains("PASSWORD '") || log.contains("SCRAM-SHA-256$1"),
        "no password in the log"
    );
    let revoked = with_manager(&["revoke", "--all"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_eq!(
        postgres.psql("select count(*) from pg_roles where rolname like 'jit\\_%'"),
        "0"
    );
    assert_eq!(
        postgres.psql_in(
            "orders",
            "select tableowner from pg_tables where tablename = 'made'"
        ),
        "orders_rw"
    );
}

#[test]
fn what_a_grant_left_behind_is_tidied_behind_the_next_elevation() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_roles(&postgres);
    let ask = |args: &[&str]| {
        let mut command = home.jit(args);
        let asked = run(command.env("MANAGER", postgres.superuser_url("orders")));
        assert_eq!(asked.code, 0, "{asked:?}");
    };
    let left = "select string_agg(rolname, ',') from pg_roles where rolname like 'jit\\_%'";
    ask(&["request", "postgres/orders:read", "--ttl", "1s"]);
    let first = postgres.psql(left);
    until("the grant to end", || {
        let held = works(&home, &["status", "--json"]);
        held.is_empty().then_some(())
    });
    assert_eq!(postgres.psql(left), first, "the role is still there");
    ask(&["request", "postgres/orders:write", "-j", "the next"]);
    until("the first role to be dropped", || {
        let now = postgres.psql(left);
        (!now.is_empty() && !now.contains(&first)).then_some(())
    });
}

#[test]
fn a_server_whose_pinned_certificate_is_self_signed_is_reached() {
    let Some(postgres) = Postgres::start_self_signed() else {
        return;
    };
    let home = with_certificates(&postgres);
    let psql = [
        "exec",
        "-j",
        "a test",
        "--",
        "psql",
        "-XAtc",
        "select name from item",
    ];
    let url = format!("postgresql://127.0.0.1:{}/orders", postgres.port());
    let asked = [&psql[..], &[&url]].concat();
    assert_eq!(works(&home, &asked), "kite\n", "by a certificate");
    let seen = works(&home, &["doctor", "postgres/orders"]);
    assert!(seen.contains("knows read as orders_ro"), "{seen}");
    // The authority itself connects, to make a role.
    postgres.allow(Access {
        client_ca: None,
        hba: "hostssl orders all 127.0.0.1/32 scram-sha-256",
        ident: "",
    });
    for mode in ["verify-full", "verify-ca"] {
        let home = super::home(&catalogue(
            &postgres,
            "issuer = \"dynamic-role\"\ncredential = \"env:MANAGER\"",
        ));
        let url = postgres
            .superuser_url("orders")
            .replace("verify-full", mode);
        let mut command = home.jit(&asked);
        let ran = run(command.env("MANAGER", &url));
        assert_eq!((ran.code, &*ran.stdout), (0, "kite\n"), "{mode}: {ran:?}");
        let mut doctor = home.jit(["doctor", "postgres/orders"]);
        let seen = run(doctor.env("MANAGER", &url));
        assert!(
            seen.stdout.contains("knows read as jit"),
            "{mode}: {seen:?}"
        );
    }
}

#[test]
fn another_self_signed_certificate_than_the_pinned_one_is_refused() {
    let (Some(postgres), Some(other)) =
        (Postgres::start_self_signed(), Postgres::start_self_signed())
    else {
        return;
    };
    database(&postgres);
    let text = catalogue(&postgres, "issuer = \"certificate\"");
    let ca = |of: &Postgres| of.ca().display().to_string();
    let home = home(&text.replace(&ca(&postgres), &ca(&other)));
    let ran = jit(&home, &["doctor", "postgres/orders"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stdout.contains("is not trusted"), "{ran:?}");
    let url = format!("postgresql://127.0.0.1:{}/orders", postgres.port());
    let ran = jit(&home, &["exec", "--", "psql", "-XAtc", "select 1", &url]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("certificate verify failed"), "{ran:?}");
}
