//! Whom psql tells a password, and what it is told of its connection: the server that a credential is for.

use std::{fs, path::Path};

use super::{
    Home, home, jit,
    postgres::{catalogue, database, with_certificates, with_roles},
    services::SetUp,
};
use crate::support::{
    Access, Postgres,
    home::{Ran, run},
    whereabouts::aws_bin,
};

const WHO: &str = "select current_user";

/// The catalogue without the line that names the server's authority.
fn unverified(home: &Home) {
    let catalogue = fs::read_to_string(home.config().join("authority.toml")).unwrap();
    let lines = catalogue
        .lines()
        .filter(|line| !line.starts_with("certificate_authority"));
    home.configure("authority.toml", &lines.collect::<Vec<_>>().join("\n"));
}

fn with_manager(home: &Home, postgres: &Postgres, args: &[&str]) -> Ran {
    run(home
        .jit(args)
        .env("MANAGER", postgres.superuser_url("orders")))
}

#[test]
fn psql_does_not_tell_a_password_to_a_server_that_nothing_verifies() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_roles(&postgres);
    unverified(&home);
    let connection = format!(
        "host=127.0.0.1 port={} dbname=orders channel_binding=disable",
        postgres.port()
    );
    let psql = ["exec", "--", "psql", "-XAtw", "-c", "select 1", &connection];
    let answered = with_manager(&home, &postgres, &psql);
    assert_eq!(answered.stdout, "1\n", "{answered:?}");
    let doctor = with_manager(&home, &postgres, &["doctor", "postgres/orders"]);
    assert!(
        doctor.stdout.contains("nothing verifies the server")
            && doctor.stdout.contains("knows read as orders_ro"),
        "{doctor:?}"
    );
    // The server asks for the password in clear, as somebody in between could.
    postgres.allow(Access {
        hba: "hostssl orders all 127.0.0.1/32 password",
        ..Access::default()
    });
    let asked = with_manager(&home, &postgres, &psql);
    assert!(
        asked.code != 0 && asked.stderr.contains("channel binding required"),
        "{asked:?}"
    );
    let doctor = with_manager(&home, &postgres, &["doctor", "postgres/orders"]);
    assert!(
        doctor.code == 125 && doctor.stdout.contains("channel binding required"),
        "{doctor:?}"
    );
    let checked = with_manager(&home, &postgres, &["policy", "check"]).stdout;
    assert!(
        checked.contains("note: postgres/orders: no certificate_authority is named"),
        "{checked}"
    );
}

#[test]
fn a_password_is_for_the_servers_of_its_resource_alone() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let Some(other) = Postgres::start(Access {
        hba: "host all all 127.0.0.1/32 password",
        ..Access::default()
    }) else {
        return;
    };
    let home = with_roles(&postgres);
    let elsewhere = format!(
        "\\connect 'host=127.0.0.1 port={} dbname=postgres sslmode=disable channel_binding=disable'",
        other.port()
    );
    let script = home.write("script.sql", &format!("{WHO};\n{elsewhere}\n"));
    let psql = [
        "exec",
        "--",
        "psql",
        "-XAtw",
        "-f",
        script.to_str().unwrap(),
        "orders",
    ];
    let ran = with_manager(&home, &postgres, &psql);
    assert!(
        ran.stdout == "orders_ro\n" && ran.stderr.contains("no password supplied"),
        "{ran:?}"
    );
    assert!(
        !other.log().contains("password authentication failed"),
        "it was told"
    );
    // The same for the file that outlives the command.
    let set_up = SetUp::of(home, &postgres);
    set_up.works(&["request", "postgres/orders:read"]);
    let file = fs::read_to_string(set_up.files("read").join("pgpass")).unwrap();
    let server = format!("127.0.0.1:{}:*:jit_", postgres.port());
    assert!(
        file.starts_with(&server) && file.lines().count() == 1,
        "{file}"
    );
    assert_eq!(set_up.psql("service=orders", "select 1").stdout, "1\n");
}

#[test]
fn a_binding_that_a_certificate_cannot_have_is_left_out_where_the_server_is_verified() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_certificates(&postgres);
    let port = postgres.port();
    home.write(
        ".pg_service.conf",
        &format!("[mine]\nhost=127.0.0.1\nport={port}\ndbname=orders\nchannel_binding=require\n"),
    );
    let uri = format!("postgresql://127.0.0.1:{port}/orders?channel_binding=require");
    let exec = |connection: &str, binding: &str| {
        let args = ["exec", "--", "psql", "-XAtw", "-c", WHO, connection];
        run(home.jit(args).env("PGCHANNELBINDING", binding))
    };
    for (connection, binding) in [(&*uri, ""), ("service=mine", ""), ("orders", "require")] {
        let ran = exec(connection, binding);
        assert_eq!(ran.stdout, "orders_ro\n", "{connection}: {ran:?}");
    }
    unverified(&home);
    let refused = exec(&uri, "");
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("channel_binding=require cannot be met")
            && refused.stderr.contains("certificate_authority"),
        "{refused:?}"
    );
}

#[test]
fn the_roots_of_the_system_mean_that_the_server_is_verified_in_full() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_certificates(&postgres);
    unverified(&home);
    let python = aws_bin().join("python3");
    let script = "import os, psycopg; c = psycopg.connect(''); \
        print(os.environ['PGSSLMODE'], c.execute('select current_user').fetchone()[0])";
    let exec = |roots: &Path| {
        let args = ["exec", "--on", "postgres/orders", "--"];
        let mut command = home.jit(args);
        run(command
            .arg(&python)
            .args(["-c", script])
            .env("PGSSLROOTCERT", "system")
            .env("SSL_CERT_FILE", roots))
    };
    let ran = exec(postgres.ca());
    assert_eq!(ran.stdout, "verify-full orders_ro\n", "{ran:?}");
    let none = home.write("none.crt", "");
    let ran = exec(&none);
    assert!(ran.stderr.contains("certificate verify failed"), "{ran:?}");
}

#[test]
fn services_of_setup_need_no_variable_of_the_shell_and_reach_no_other_program() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let set_up = SetUp::of(with_certificates(&postgres), &postgres);
    for (service, who) in [("orders", "orders_ro\n"), ("orders:write", "orders_rw\n")] {
        let connection = format!("service={service}");
        let args = [
            "exec",
            "--if-known",
            "-j",
            "x",
            "--",
            "psql",
            "-XAtw",
            "-c",
            WHO,
        ];
        let ran = run(set_up.home.jit(args).arg(&connection));
        assert_eq!(ran.stdout, who, "{service}: {ran:?}");
    }
    let unknown = jit(
        &set_up.home,
        &["exec", "--if-known", "--", "psql", "-Xw", "service=typo"],
    );
    assert!(
        unknown
            .stderr
            .contains("definition of service \"typo\" not found"),
        "psql says so itself: {unknown:?}"
    );
    let shown = |file: &Path| {
        let args = ["exec", "--on", "postgres/orders", "--", "sh", "-c"];
        let mut command = set_up.home.jit(args);
        run(command
            .arg("echo \"[$PGSERVICEFILE]\"")
            .env("PGSERVICEFILE", file))
        .stdout
    };
    assert_eq!(shown(&set_up.service_file()), "[]\n");
    let own = set_up.home.write("own.conf", "[mine]\n");
    assert_eq!(shown(&own), format!("[{}]\n", own.display()));
}

#[test]
fn a_wrapped_command_that_names_no_host_goes_where_the_plain_tool_goes() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let home = with_certificates(&postgres);
    let port = postgres.port().to_string();
    let wrapped = |args: &[&str]| {
        let mut command = home.jit(["exec", "--if-known", "--"]);
        run(command.args(args).env("PGPORT", &port))
    };
    for line in [
        &["psql", "-Xw", "-c", "drop table item", "orders"][..],
        &["pg_dump", "-w", "orders"],
        &["psql", "-Xw", "-U", "orders_rw", "orders"],
        &["psql", "-Xw", "-U", "nobody-here", "orders"],
    ] {
        let ran = wrapped(line);
        assert!(
            ran.code != 0 && ran.stderr.contains("on socket"),
            "{line:?}: {ran:?}"
        );
    }
    assert!(
        !home.path("cache/jit/leases").exists(),
        "something was asked"
    );
    assert_eq!(postgres.psql_in("orders", "select count(*) from item"), "1");
    // With the host it is the resource's.
    let ran = wrapped(&[
        "psql",
        "-XAtw",
        "-h",
        "127.0.0.1",
        "-U",
        "orders_ro",
        "-c",
        WHO,
        "orders",
    ]);
    assert_eq!(ran.stdout, "orders_ro\n", "{ran:?}");
}

#[test]
fn a_host_that_is_unknown_is_told_from_those_that_are_known() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    database(&postgres);
    let home = home(&catalogue(&postgres, "issuer = \"certificate\""));
    let hosts = "127.0.0.1,elsewhere.invalid";
    let ports = format!("{},5432", postgres.port());
    let ran = jit(
        &home,
        &["exec", "--", "psql", "-h", hosts, "-p", &ports, "orders"],
    );
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr
            .contains("no resource is at \"elsewhere.invalid:5432\"")
            && ran.stderr.contains("is in postgres/orders"),
        "{ran:?}"
    );
}
