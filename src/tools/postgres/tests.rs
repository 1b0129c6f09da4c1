//! What a command line means, and what a launch sets, without a server.

use std::{ffi::OsString, time::Duration};

use secrecy::SecretString;
use tempfile::TempDir;

use super::{launch, recognise};
use crate::{
    domain::{
        catalogue::Catalogue,
        credential::{Credential, Secret, Token},
        elevation::Grant,
        environment::{Environment, Places},
        id::GrantId,
        lease::{Binding, Lease},
        principal::{Class, Principal},
        time::Timestamp,
    },
    platform::{keys, process::Launch},
    tools::task::{Injection, Task},
};

const CATALOGUE: &str = r#"
[resources."postgres/orders"]
hosts = ["db.internal", "DB2.internal:5433"]
databases = ["orders"]
issuer = "certificate"
certificate_authority = "ca.crt"
roles.read = { role = "orders_ro" }
roles.write = { role = "orders_rw" }
[resources."postgres/rest"]
hosts = ["db.internal"]
issuer = "dynamic-role"
credential = "env:X"
roles.app = { role = "app", tier = "elevated" }
roles.owner = { role = "own er", tier = "sensitive" }
[resources."postgres/twins"]
hosts = ["twins.internal"]
databases = ["a", "b"]
issuer = "certificate"
roles.one = { role = "one" }
roles.two = { role = "two" }
"#;

struct Desk {
    catalogue: Catalogue,
    environment: Environment,
    directory: TempDir,
}

impl Desk {
    fn new(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut environment = Environment::default();
        let all = [("PATH", "/usr/bin:/bin")]
            .into_iter()
            .chain(variables.iter().copied());
        environment.variables = all.map(|(k, v)| (k.into(), v.into())).collect();
        Self {
            catalogue: toml::from_str(CATALOGUE).unwrap(),
            environment,
            directory,
        }
    }

    /// The entitlement, or the message; `line` is `[--on X ][--role Y ]-- COMMAND`.
    fn recognised(&self, line: &str) -> String {
        self.with(line, |task| match recognise(task) {
            Ok(recognised) => recognised.entitlement.to_string(),
            Err(failure) => failure.message,
        })
    }

    fn with<T>(&self, line: &str, then: impl FnOnce(&Task<'_>) -> T) -> T {
        let (options, command) = line.split_once("-- ").unwrap();
        let command: Vec<OsString> = command.split(' ').map(OsString::from).collect();
        let option = |name: &str| options.split(' ').skip_while(|o| *o != name).nth(1);
        then(&Task {
            command: &command,
            on: option("--on").map(|name| name.parse().unwrap()).as_ref(),
            role: option("--role").map(|name| name.parse().unwrap()).as_ref(),
            catalogue: &self.catalogue,
            environment: &self.environment,
        })
    }

    fn launched(&self, line: &str, secret: Secret) -> Launch {
        self.with(line, |task| {
            let entitlement = recognise(task).unwrap().entitlement;
            let resource = self.catalogue.resource(&entitlement.resource).unwrap();
            let now = Timestamp::from_secs(1);
            let ttl = Duration::from_mins(10);
            let key = keys::generate().unwrap();
            let lease = Lease {
                grant: Grant {
                    id: GrantId::new(now, [0; 10]),
                    principal: Principal::new(Class::Human, "alice").unwrap(),
                    entitlement: entitlement.clone(),
                    granted_at: now,
                    expires_at: now.after(ttl),
                    credential_ttl: ttl,
                    policies: vec![],
                    break_glass: false,
                    chain: Vec::new(),
                },
                token: Token(SecretString::from("token")),
                holder: key.clone(),
                credential: Credential {
                    serial: "7".to_owned(),
                    expires_at: now.after(ttl),
                    secret,
                },
                key,
                issued_at: now,
                took: Duration::ZERO,
                because: String::new(),
                binding: Binding::default(),
                justification: None,
                asked_ttl: None,
                confirmed_at: None,
                catalogue_stamp: String::new(),
                is_longest: false,
            };
            let at = |name: &str| self.directory.path().join(name);
            let places = Places {
                configuration: at("config"),
                state: at("state"),
                cache: at("cache"),
                runtime: at("run"),
                job: None,
            };
            launch(&Injection {
                task: *task,
                resource,
                lease: &lease,
                via: &[],
                is_hooked: false,
                logins: &[],
                is_mixed: false,
                also: &[],
                places: &places,
                now,
            })
            .unwrap()
        })
    }
}

fn certificate() -> Secret {
    Secret::PostgresCertificate {
        role: "orders_ro".to_owned(),
        certificate: "certificate".to_owned(),
    }
}

fn dynamic() -> Secret {
    Secret::PostgresRole {
        role: "jit_7".to_owned(),
        password: SecretString::from("hunter2"),
    }
}

fn set(launch: &Launch, name: &str) -> String {
    let value = launch.set.get(name).cloned().unwrap_or_default();
    value.into_string().unwrap()
}

/// Command lines and what they mean: an entitlement, or what is said.
const MEANINGS: &[(&str, &str)] = &[
    ("-- psql orders", "postgres/orders:read"),
    ("-- psql -h DB.internal. orders", "postgres/orders:read"),
    (
        "-- psql -h db2.internal -p 5433 orders",
        "postgres/orders:read",
    ),
    (
        "-- psql -h db2.internal orders",
        "no resource is at \"db2.internal:5432\"",
    ),
    (
        "-- psql postgres://orders_rw@db.internal/orders",
        "postgres/orders:write",
    ),
    ("-- psql orders orders_rw", "postgres/orders:write"),
    ("--role write -- psql orders", "postgres/orders:write"),
    ("-- psql -h db.internal stock", "postgres/rest:app"),
    (
        "-- psql -h db.internal -U nobody stock",
        "postgres/rest has no role for \"nobody\"",
    ),
    ("-- psql stock", "no resource has the database \"stock\""),
    ("-- psql", "psql names neither a host nor a database"),
    ("-- psql -h twins.internal", "the command names no database"),
    (
        "-- psql -h twins.internal a",
        "no role of postgres/twins is the smallest",
    ),
    (
        "-- psql -h db.internal,db2.internal -p 5432,5433 orders",
        "postgres/orders:read",
    ),
    (
        "-- psql -h db.internal,evil orders",
        "no resource is at \"evil:5432\"",
    ),
    (
        "-- psql -h db2.internal,twins.internal -p 5433,5432 orders",
        "no resource has all of these hosts: db2.internal:5433 is in postgres/orders, twins.internal:5432 is in postgres/twins",
    ),
    ("-- psql -p 5433 orders", "postgres/orders:read"),
    (
        "-- psql -p 5434 orders",
        "no resource has the database \"orders\"",
    ),
    ("-- psql -p no orders", "\"no\" is not a port"),
    ("--on postgres/rest -- psql", "postgres/rest:app"),
    (
        "--on postgres/rest -- psql -h tunnel -p 1 x",
        "postgres/rest:app",
    ),
    (
        "--on postgres/orders -- pg_dump orders",
        "postgres/orders:read",
    ),
    ("-- pg_dump -t item orders", "postgres/orders:read"),
    (
        "-- pg_dumpall -h db.internal",
        "this server is in postgres/orders and postgres/rest",
    ),
    (
        "--role owner -- vacuumdb -h db.internal stock",
        "postgres/rest:owner",
    ),
    (
        "-- pgbench -i orders",
        "pgbench changes postgres/orders, so it needs a role that you name",
    ),
    ("--role write -- pgbench -i orders", "postgres/orders:write"),
    (
        "-- pg_restore -U orders_rw -d orders dump",
        "postgres/orders:write",
    ),
    (
        "-- pg_dump -h elsewhere orders",
        "no resource is at \"elsewhere:5432\"",
    ),
    (
        "--on postgres/none -- pg_dump x",
        "postgres/none is not in the catalogue",
    ),
    (
        "--role write -- psql -U orders_ro orders",
        "the command logs in as \"orders_ro\", and the role write is \"orders_rw\"",
    ),
    (
        "-- psql postgres://%zz@x",
        "the connection string cannot be read",
    ),
];

#[test]
fn the_catalogue_decides_what_a_connection_means() {
    let desk = Desk::new(&[]);
    for (line, read) in MEANINGS {
        assert_eq!(desk.recognised(line), *read, "{line}");
    }
    let shell = Desk::new(&[
        ("PGHOST", "db.internal"),
        ("PGUSER", "orders_rw"),
        ("PGDATABASE", "orders"),
    ]);
    assert_eq!(shell.recognised("-- psql"), "postgres/orders:write");
    let other = Desk::new(&[("PGUSER", "alice")]);
    assert_eq!(other.recognised("-- psql orders"), "postgres/orders:read");
}

#[test]
fn a_certificate_is_handed_over_in_memory_and_verified_in_full() {
    let desk = Desk::new(&[("PGPASSWORD", "mine"), ("PGSSLMODE", "disable")]);
    let launch = desk.launched("-- psql orders", certificate());
    assert!(set(&launch, "PGSSLKEY").starts_with("/proc/self/fd/"));
    assert_eq!(set(&launch, "PGSSLMODE"), "verify-full");
    assert!(set(&launch, "PGSSLROOTCERT").ends_with("/config/ca.crt"));
    assert_eq!(set(&launch, "PGHOST"), "db.internal");
    assert_eq!(set(&launch, "PGUSER"), "orders_ro");
    assert_eq!(
        set(&launch, "PGAPPNAME"),
        format!(
            "jit:{} psql",
            GrantId::new(Timestamp::from_secs(1), [0; 10])
        )
    );
    assert!(launch.unset.contains(&"PGPASSWORD".to_owned()));
    assert_eq!(launch.inherited.len(), 1);
}

#[test]
fn a_password_is_in_no_argument_and_no_variable() {
    let desk = Desk::new(&[("PGOPTIONS", "-c a=b"), ("PGSSLMODE", "verify-ca")]);
    let line = "--role owner -- psql postgres://own%20er:old@db.internal/stock?options=-c%20x%3Dy";
    let launch = desk.launched(line, dynamic());
    assert!(!format!("{launch:?}").contains("hunter2"));
    let argument = launch.arguments[0].to_str().unwrap();
    assert_eq!(
        argument,
        r"dbname='stock' host='db.internal' options='-c x=y -c role=own\\ er'"
    );
    assert_eq!(set(&launch, "PGUSER"), "jit_7");
    assert_eq!(set(&launch, "PGOPTIONS"), r"-c a=b -c role=own\ er");
    assert_eq!(
        set(&launch, "PGSSLMODE"),
        "verify-ca",
        "the user's is stricter"
    );
}

#[test]
fn a_shell_s_other_host_gives_way_and_a_named_one_stays() {
    let desk = Desk::new(&[("PGHOST", "elsewhere"), ("PGHOSTADDR", "192.0.2.1")]);
    let launch = desk.launched("--on postgres/orders -- psql", certificate());
    assert_eq!(set(&launch, "PGHOST"), "db.internal");
    assert_eq!(set(&launch, "PGDATABASE"), "orders");
    assert!(launch.unset.contains(&"PGHOSTADDR".to_owned()));
    let launch = desk.launched("--on postgres/orders -- psql -h tunnel", certificate());
    assert_eq!(set(&launch, "PGHOST"), "");
}

#[test]
fn other_programs_get_private_files() {
    let desk = Desk::new(&[]);
    let launch = desk.launched("--on postgres/orders -- sh -c true", certificate());
    let path = set(&launch, "PGSSLKEY");
    assert!(
        path.contains("/run/postgres,") && path.ends_with("/orders/read/client.pem"),
        "{path}"
    );
    assert!(launch.inherited.is_empty());
}
