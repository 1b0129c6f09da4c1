//! The demo's PostgreSQL: a database of orders, open to certificates of the demo's authority.

use std::{
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::sandbox::{Sandbox, Server, is_root, listens};
use crate::domain::failure::{Failure, Result};

/// PostgreSQL refuses to run as root; every Linux has this user, `nobody`.
const NOBODY: u32 = 65534;

const ORDERS: &str = "create role orders_ro login; create role orders_owner login;
create table orders (id int primary key, item text);
insert into orders values (1, 'a kite'), (2, 'a rope');
alter table orders owner to orders_owner; grant select on orders to orders_ro;";

/// A cluster in the sandbox.
struct Cluster<'a> {
    sandbox: &'a Sandbox,
    home: PathBuf,
    port: u16,
}

/// Starts it on `port`.
pub(super) fn start(sandbox: &Sandbox, port: u16) -> Result<Server> {
    let home = sandbox.path("postgres");
    let cluster = Cluster {
        sandbox,
        home,
        port,
    };
    sandbox.client("psql", "postgresql-client")?;
    let initdb = sandbox.program("initdb", "postgresql")?;
    let postgres = sandbox.program("postgres", "postgresql")?;
    if is_root() {
        sandbox.program("setpriv", "util-linux")?;
    }
    cluster.prepare()?;
    let mut command = cluster.unprivileged(&initdb);
    command.args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
    sandbox.prepare(command.args(["-U", "postgres", "-D"]).arg(cluster.data()))?;
    let mut command = cluster.unprivileged(&postgres);
    command
        .arg("-D")
        .arg(cluster.data())
        .args(cluster.settings());
    let server = sandbox.serve(&mut command, || {
        listens(port) && cluster.sql("postgres", "").is_ok()
    })?;
    cluster.sql("postgres", "create database orders")?;
    cluster.sql("orders", ORDERS)?;
    Ok(server)
}

impl Cluster<'_> {
    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// What the server needs before it is made: its certificate, our authority, and who may come in.
    fn prepare(&self) -> Result<()> {
        let ca = self.sandbox.jit(&["trust", "postgres/orders", "--ca"])?;
        if ca.code != 0 {
            return Err(Failure::failed(ca.output.trim()));
        }
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["127.0.0.1".to_owned()])
                .map_err(|error| Failure::failed("a certificate cannot be made").because(&error))?;
        let files = [
            ("postgres/ca.crt", ca.output.as_str()),
            ("postgres/server.crt", &cert.pem()),
            ("postgres/server.key", &signing_key.serialize_pem()),
            (
                "postgres/hba.conf",
                "local all postgres trust\nhostssl orders orders_ro,orders_owner 127.0.0.1/32 cert\n",
            ),
        ];
        for (name, text) in files {
            let file = self.sandbox.write(name, text)?;
            self.hand_over(&file)?;
        }
        self.hand_over(&self.home)
    }

    /// Gives a file to the user whom the server runs as, where that is not the caller.
    fn hand_over(&self, file: &Path) -> Result<()> {
        if !is_root() {
            return Ok(());
        }
        self.sandbox.open_to_servers()?;
        chown(file, Some(NOBODY), Some(NOBODY))
            .map_err(|error| Failure::failed("a file cannot be handed to nobody").because(&error))
    }

    fn unprivileged(&self, program: &Path) -> Command {
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        let user = NOBODY.to_string();
        command
            .args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"])
            .arg(program)
            .env("HOME", &self.home);
        command
    }

    fn settings(&self) -> Vec<String> {
        let home = self.home.display();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={home}"),
            format!("hba_file={home}/hba.conf"),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={home}/server.crt"),
            format!("ssl_key_file={home}/server.key"),
            format!("ssl_ca_file={home}/ca.crt"),
            "fsync=off".to_owned(),
            "dynamic_shared_memory_type=mmap".to_owned(),
            "shared_buffers=16MB".to_owned(),
        ];
        settings
            .into_iter()
            .flat_map(|setting| ["-c".to_owned(), setting])
            .collect()
    }

    fn sql(&self, database: &str, text: &str) -> Result<String> {
        let mut psql = Command::new("psql");
        psql.args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            database,
        ])
        .arg("-h")
        .arg(&self.home)
        .args(["-p", &self.port.to_string(), "-c", text])
        .env_remove("PGSERVICE");
        self.sandbox.prepare(&mut psql)
    }
}
