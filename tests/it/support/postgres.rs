//! Real PostgreSQL servers over TLS, each in a directory of its own, with the access lines of its test.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustix::process::Signal;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::home::{Ran, run};
use super::skip::skip;
use super::tls::Tls;
use super::wait::{on_free_port, read_log, until, until_logged};
use super::whereabouts::{is_root, program, user_and_group};

const SUPERUSER: &str = "postgres";
const PASSWORD: &str = "superuser-of-a-test";
/// PostgreSQL refuses to run as root; every system has this user.
const UNPRIVILEGED: &str = "nobody";
/// The name of a role, its database and its password, for a program that keeps its own tables.
pub(crate) const OWNER: &str = "ledger";

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

/// What is left after the power is cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing; every statement is in the log instead.
    Memory,
    /// Every commit, as in production.
    Disk,
}

/// A PostgreSQL server on loopback, which logs every connection.
pub(crate) struct Postgres {
    // Before the directory, so that it ends before its files go.
    daemon: Daemon,
    port: u16,
    tls: Arc<Tls>,
    dir: TempDir,
}

impl Postgres {
    /// Starts one that forgets with the machine and logs every statement; `access` may change later.
    pub(crate) fn start(access: Access<'_>) -> Option<Self> {
        Self::start_as(access, Durability::Memory)
    }

    /// Starts one, whose commits are as safe as that.
    pub(crate) fn start_as(access: Access<'_>, durability: Durability) -> Option<Self> {
        Self::start_by(access, durability, Tls::for_loopback)
    }

    /// Starts one whose certificate is its own authority.
    pub(crate) fn start_self_signed() -> Option<Self> {
        Self::start_by(Access::default(), Durability::Memory, Tls::self_signed)
    }

    fn start_by(
        access: Access<'_>,
        durability: Durability,
        make: fn(&Path) -> Tls,
    ) -> Option<Self> {
        let Some(initdb) = binaries() else {
            skip("initdb, postgres or psql is missing (Debian: postgresql)");
            return None;
        };
        let dir = TempDir::new().expect("temporary directory");
        let path = dir.path();
        let tls = Arc::new(make(path));
        make_cluster(&initdb, path);
        write_access(path, access);
        fs::write(settings_file(path), settings(&tls, durability)).expect("postgresql.conf");
        let server = Self::boot(dir, tls);
        server.psql(&format!("create role {OWNER} login password '{OWNER}'"));
        server.psql(&format!("create database {OWNER} owner {OWNER}"));
        Some(server)
    }

    fn boot(dir: TempDir, tls: Arc<Tls>) -> Self {
        let (daemon, port) = on_free_port(|port| Some((launch(dir.path(), port)?, port)));
        Self {
            daemon,
            port,
            tls,
            dir,
        }
    }

    /// Starts a standby that follows this server. It begins with a copy of its files, made while this one is
    /// stopped for a moment: of any version, whichever client programs there are.
    pub(crate) fn standby(&mut self) -> Self {
        let dir = TempDir::new().expect("temporary directory");
        self.stop();
        let (from, to) = (data(self.dir.path()), data(dir.path()));
        let ran = run(Command::new("cp").arg("-a").arg(from).arg(&to));
        self.start_again();
        assert_eq!(ran.code, 0, "cp: {ran:?}");
        fs::write(to.join("standby.signal"), "").expect("standby.signal");
        let primary = self.superuser_url("postgres");
        let settings = format!("primary_conninfo = '{primary}'\n");
        fs::write(to.join("postgresql.auto.conf"), settings).expect("postgresql.auto.conf");
        give_away(&to);
        give_away(dir.path());
        Self::boot(dir, Arc::clone(&self.tls))
    }

    /// Stops it in order, as an administrator does.
    pub(crate) fn stop(&mut self) {
        self.daemon.stop(Signal::INT);
    }

    /// Stops it in an instant: what was not committed is lost, and the next start recovers.
    pub(crate) fn crash(&mut self) {
        self.daemon.stop(Signal::QUIT);
    }

    /// Starts it again with what it had, on the same port.
    pub(crate) fn start_again(&mut self) {
        let (dir, port) = (self.dir.path(), self.port);
        self.daemon = until("the port again", || launch(dir, port));
    }

    /// The port it listens on, at 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The file of the authority that its own certificate is from (`sslrootcert`).
    pub(crate) fn ca(&self) -> &Path {
        &self.tls.authority
    }

    /// The URL of a role that owns the database it leads to, for a program that keeps its own tables.
    pub(crate) fn owner_url(&self) -> String {
        self.owner_url_at(self.port)
    }

    /// The same through another port.
    pub(crate) fn owner_url_at(&self, port: u16) -> String {
        format!(
            "postgresql://{OWNER}:{OWNER}@127.0.0.1:{port}/{OWNER}?sslmode=verify-full&sslrootcert={}",
            self.ca().display(),
        )
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
        let ran = psql(self.dir.path(), self.port, database, sql);
        assert_eq!(ran.code, 0, "{sql}: {}", ran.stderr);
        ran.stdout.trim_end().to_owned()
    }

    /// Has the owner's database kept in that directory, which is empty.
    pub(crate) fn keep_ledger_in(&self, directory: &Path) {
        give_away(directory);
        // Whoever runs the server comes through the directories above it.
        for above in directory.ancestors().skip(1).take(1) {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).expect("chmod");
        }
        let at = directory.display();
        self.psql(&format!("create tablespace small location '{at}'"));
        self.psql(&format!("alter database {OWNER} set tablespace small"));
    }

    /// Replaces who may come in.
    pub(crate) fn allow(&self, access: Access<'_>) {
        write_access(self.dir.path(), access);
        self.reload();
    }

    /// Has it read its configuration again.
    pub(crate) fn reload(&self) {
        let before = self.psql("select pg_conf_load_time()");
        self.daemon.signal(Signal::HUP);
        until("a reloaded configuration", || {
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

fn settings_file(dir: &Path) -> PathBuf {
    data(dir).join("postgresql.conf")
}

/// Where initdb is, if everything is there.
fn binaries() -> Option<PathBuf> {
    program("postgres", None)?;
    program("psql", None)?;
    program("initdb", None)
}

/// Starts the server of a directory; nothing, where somebody else has the port.
fn launch(dir: &Path, port: u16) -> Option<Daemon> {
    let mut command = unprivileged(&program("postgres", None)?);
    command
        .arg("-D")
        .arg(data(dir))
        .args(["-p", &port.to_string(), "-k"])
        .arg(dir);
    let mut daemon = Daemon::spawn("postgres", &mut command, dir);
    daemon.ready(|_| (psql(dir, port, "postgres", "select 1").code == 0).then_some(()))?;
    Some(daemon)
}

fn psql(dir: &Path, port: u16, database: &str, sql: &str) -> Ran {
    run(Command::new("psql")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("PGPASSWORD", PASSWORD)
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
        .args(["-U", SUPERUSER, "-d", database, "-h"])
        .arg(dir)
        .args(["-p", &port.to_string(), "-c", sql]))
}

/// Gives what is in a directory to whom PostgreSQL runs as, where that is somebody else.
fn give_away(dir: &Path) {
    if !is_root() {
        return;
    }
    let (user, group) = user_and_group(UNPRIVILEGED);
    for file in dir.read_dir().expect("the directory") {
        chown(file.expect("an entry").path(), Some(user), Some(group)).expect("chown");
    }
    chown(dir, Some(user), Some(group)).expect("chown");
}

fn make_cluster(initdb: &Path, dir: &Path) {
    let password = dir.join("superuser");
    fs::write(&password, PASSWORD).expect("password file");
    give_away(dir);
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

fn settings(tls: &Tls, durability: Durability) -> String {
    let safety = match durability {
        Durability::Memory => {
            "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nlog_statement = 'all'"
        }
        Durability::Disk => "fsync = on\nsynchronous_commit = on",
    };
    format!(
        "listen_addresses = '127.0.0.1'
ssl = on
ssl_cert_file = '{}'
ssl_key_file = '{}'
ssl_ca_file = 'clients.crt'
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
max_connections = 100
log_connections = on
log_disconnections = on
log_line_prefix = '%m [%p] %u@%d %a '
{safety}
",
        tls.certificate.display(),
        tls.key.display(),
    )
}

fn write_access(dir: &Path, access: Access<'_>) {
    let ours = format!(
        "local all {SUPERUSER} scram-sha-256
hostssl all,replication {SUPERUSER} 127.0.0.1/32 scram-sha-256
hostssl {OWNER} {OWNER} 127.0.0.1/32 scram-sha-256
"
    );
    let data = data(dir);
    fs::write(data.join("pg_hba.conf"), ours + access.hba + "\n").expect("pg_hba.conf");
    fs::write(data.join("pg_ident.conf"), access.ident.to_owned() + "\n").expect("pg_ident.conf");
    // PostgreSQL does not start with an empty file of authorities.
    let own = || fs::read_to_string(dir.join("ca.crt")).expect("ca.crt");
    let authorities = access.client_ca.map_or_else(own, str::to_owned);
    fs::write(data.join("clients.crt"), authorities).expect("clients.crt");
}

/// A command as somebody else where the tests run as root, and with no home of the caller's.
fn unprivileged(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    if is_root() {
        let (user, group) = user_and_group(UNPRIVILEGED);
        command = Command::new("setpriv");
        command
            .args([
                format!("--reuid={user}"),
                format!("--regid={group}"),
                "--clear-groups".into(),
            ])
            .arg(binary)
            // Not the directory of the tests, which it may not be allowed to enter.
            .current_dir("/");
    }
    command.env("HOME", "/nonexistent");
    command
}
