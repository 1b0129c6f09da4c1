//! Database servers, logged in to for real.

use super::{Home, command, doctor, gave_back, hints, home, jit, run, says};
use crate::support::{Access, Postgres};

const HBA: &str = "hostssl orders orders_ro 127.0.0.1/32 cert";

/// A server with its database, and a home that reaches it.
fn orders(access: fn(&str) -> Access<'_>) -> Option<(Home, Postgres)> {
    let postgres = Postgres::start(Access::default())?;
    postgres.psql("create role orders_ro login");
    postgres.psql("create database orders");
    let home = home(&format!(
        "[resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{}\"]\ndatabases = [\"orders\"]\n\
         certificate_authority = \"{}\"\nissuer = \"certificate\"\nroles.read.role = \"orders_ro\"\n",
        postgres.port(),
        postgres.ca().display(),
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

#[test]
fn a_role_that_was_made_to_try_is_gone_again() {
    let Some(postgres) = Postgres::start(Access {
        hba: "hostssl orders all 127.0.0.1/32 scram-sha-256",
        ..Access::default()
    }) else {
        return;
    };
    postgres.psql("create role orders_ro login");
    postgres.psql("create database orders");
    let home = home(&format!(
        "[resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{}\"]\ndatabases = [\"orders\"]\n\
         certificate_authority = {:?}\nissuer = \"dynamic-role\"\ncredential = \"env:MANAGER\"\n\
         roles.read.role = \"orders_ro\"\n",
        postgres.port(),
        postgres.ca(),
    ));
    let mut command = command(&home, &["postgres/orders"]);
    let ran = run(command.env("MANAGER", postgres.superuser_url("orders")));
    let said = says(&ran, "targets", "postgres/orders");
    assert!(said.contains(" knows read as jit"), "{ran:?}");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let left = "select count(*) from pg_roles where rolname like 'jit%'";
    assert_eq!(postgres.psql(left), "0");
}
