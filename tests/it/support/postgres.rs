//! Real PostgreSQL servers over TLS, each in a directory of its own, with the access lines of its test.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::home::run;
use super::skip::skip;
use super::tls::Tls;
use super::wait::{on_free_port, read_log, until_logged};
use super::whereabouts::{is_root, program, user_and_group};

const SUPERUSER: &str = "postgres";
const PASSWORD: &str = "superuser-of-a-test";
/// PostgreSQL refuses to run as root; every system has this user.
const UNPRIVILEGED: &str = "nobody";

/// Who may come in, besides the superuser.
#[derive(Default, Clone, Copy)]
pub(crate) struct Access<'a> {
    /// The authorities of client certificates, PEM.
    pub(crate) client_ca: Option<&'a str>,
    /// Lines of `pg_hba.conf`.
    pub(crate) hba: &'a str,
    /// Lines of `pg_ident.conf`.
    pub(crate) ident: &'a str,
}

/// A PostgreSQL server on loopback, which logs every connection and statement.
pub(crate) struct Postgres {
    // Before the directory, so that it ends before its files go.
    daemon: Daemon,
    port: u16,
    tls: Tls,
    dir: TempDir,
}

impl Postgres {
    /// Starts one; `access` may change later.
    pub(crate) fn start(access: Access<'_>) -> Option<Self> {
        let (Some(initdb), Some(postgres)) = (program("initdb", None), program("postgres", None))
        else {
            skip("initdb and postgres are missing (Debian: postgresql)");
            return None;
        };
        if program("psql", None).is_none() {
            skip("psql is missing (Debian: postgresql-client)");
            return None;
        }
        let dir = TempDir::new().expect("temporary directory");
        let path = dir.path();
        let tls = Tls::for_loopback(path);
        make_cluster(&initdb, path);
        write_access(path, access);
        let (daemon, port) = on_free_port(|port| {
            configure(path, port, &tls);
            let mut command = unprivileged(&postgres);
            let mut daemon = Daemon::spawn("postgres", command.arg("-D").arg(data(path)), path);
            daemon.ready(|log| {
                read_log(log)
                    .contains("ready to accept connections")
                    .then_some(())
            })?;
            Some((daemon, port))
        });
        Some(Self {
            daemon,
            port,
            tls,
            dir,
        })
    }

    /// The port it listens on, at 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The file of the authority that its own certificate is from (`sslrootcert`).
    pub(crate) fn ca(&self) -> &Path {
        &self.tls.authority
    }

    /// The superuser's connection URL, with the password, for a program that may create roles.
    pub(crate) fn superuser_url(&self, database: &str) -> String {
        format!(
            "postgresql://{SUPERUSER}:{PASSWORD}@127.0.0.1:{}/{database}?sslmode=verify-full&sslrootcert={}",
            self.port,
            self.ca().display(),
        )
    }

    /// Runs SQL as the superuser in the database `postgres`; the rows, unaligned, without headings.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.psql_in("postgres", sql)
    }

    /// Runs SQL as the superuser in that database.
    pub(crate) fn psql_in(&self, database: &str, sql: &str) -> String {
        let ran = run(Command::new("psql")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("PGPASSWORD", PASSWORD)
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                SUPERUSER,
                "-d",
                database,
            ])
            .arg("-h")
            .arg(self.dir.path())
            .args(["-p", &self.port.to_string(), "-c", sql]));
        assert_eq!(ran.code, 0, "{sql}: {}", ran.stderr);
        ran.stdout.trim_end().to_owned()
    }

    /// Replaces who may come in.
    pub(crate) fn allow(&self, access: Access<'_>) {
        write_access(self.dir.path(), access);
        let before = self.psql("select pg_conf_load_time()");
        self.daemon.signal(Signal::HUP);
        super::until("a reloaded configuration", || {
            (self.psql("select pg_conf_load_time()") != before).then_some(())
        });
    }

    /// The first line of its log that contains `needle`, once it is written.
    pub(crate) fn logged(&self, needle: &str) -> String {
        until_logged(self.daemon.log(), needle)
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        read_log(self.daemon.log())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Killed outright it would leave a shared memory segment behind.
        self.daemon.stop(Signal::INT);
    }
}

fn data(dir: &Path) -> PathBuf {
    dir.join("data")
}

fn make_cluster(initdb: &Path, dir: &Path) {
    let password = dir.join("superuser");
    fs::write(&password, PASSWORD).expect("password file");
    if is_root() {
        let (user, group) = user_and_group(UNPRIVILEGED);
        for file in dir.read_dir().expect("the directory") {
            chown(file.expect("an entry").path(), Some(user), Some(group)).expect("chown");
        }
        chown(dir, Some(user), Some(group)).expect("chown");
    }
    fs::set_permissions(dir.join("server.key"), fs::Permissions::from_mode(0o600)).expect("chmod");
    let ran = run(unprivileged(initdb)
        .args([
            "--no-sync",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
        ])
        .args(["--username", SUPERUSER, "--pwfile"])
        .arg(password)
        .arg("-D")
        .arg(data(dir)));
    assert_eq!(ran.code, 0, "initdb: {}{}", ran.stdout, ran.stderr);
}

fn configure(dir: &Path, port: u16, tls: &Tls) {
    let settings = format!(
        "listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{}'
ssl = on
ssl_cert_file = '{}'
ssl_key_file = '{}'
ssl_ca_file = 'clients.crt'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
max_connections = 60
log_connections = on
log_disconnections = on
log_statement = 'all'
log_line_prefix = '%m [%p] %u@%d %a '
",
        dir.display(),
        tls.certificate.display(),
        tls.key.display(),
    );
    fs::write(data(dir).join("postgresql.conf"), settings).expect("postgresql.conf");
}

fn write_access(dir: &Path, access: Access<'_>) {
    let superuser = format!(
        "local all {SUPERUSER} scram-sha-256\nhostssl all {SUPERUSER} 127.0.0.1/32 scram-sha-256\n"
    );
    let data = data(dir);
    fs::write(data.join("pg_hba.conf"), superuser + access.hba + "\n").expect("pg_hba.conf");
    fs::write(data.join("pg_ident.conf"), access.ident.to_owned() + "\n").expect("pg_ident.conf");
    // PostgreSQL does not start with an empty file of authorities.
    let own = || fs::read_to_string(dir.join("ca.crt")).expect("ca.crt");
    let authorities = access.client_ca.map_or_else(own, str::to_owned);
    fs::write(data.join("clients.crt"), authorities).expect("clients.crt");
}

/// A command as somebody else where the tests run as root.
fn unprivileged(binary: &Path) -> Command {
    if !is_root() {
        return Command::new(binary);
    }
    let (user, group) = user_and_group(UNPRIVILEGED);
    let mut command = Command::new("setpriv");
    command
        .args([
            format!("--reuid={user}"),
            format!("--regid={group}"),
            "--clear-groups".into(),
        ])
        .arg(binary);
    // Not the directory of the tests, which it may not be allowed to enter.
    command.current_dir("/");
    command
}
