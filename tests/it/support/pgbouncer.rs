//! A real `PgBouncer` in front of a PostgreSQL server, which hands its connections out by the transaction.

use std::{fs, os::unix::fs::chown, process::Command};

use tempfile::TempDir;

use super::{
    Postgres,
    daemon::Daemon,
    postgres::OWNER,
    skip::skip,
    wait::{on_free_port, read_log},
    whereabouts::{is_root, program, user_and_group},
};

/// It refuses to run as root.
const UNPRIVILEGED: &str = "nobody";

/// One on loopback.
pub(crate) struct PgBouncer {
    // Before the directory, so that it ends before its files go.
    _daemon: Daemon,
    port: u16,
    _directory: TempDir,
}

impl PgBouncer {
    /// In front of that server, with few connections to it.
    pub(crate) fn start(server: &Postgres) -> Option<Self> {
        let Some(bouncer) = program("pgbouncer", None) else {
            skip("pgbouncer is missing (Debian: pgbouncer)");
            return None;
        };
        let directory = TempDir::new().expect("temporary directory");
        let path = directory.path();
        let users = path.join("users");
        fs::write(&users, format!("\"{OWNER}\" \"{OWNER}\"\n")).expect("users");
        let (daemon, port) = on_free_port(|port| {
            let settings = path.join("pgbouncer.ini");
            let text = format!(
                "[databases]\n{OWNER} = host=127.0.0.1 port={} dbname={OWNER}\n\
                 [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 auth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\n\
                 default_pool_size = 3\nserver_tls_sslmode = require\nlogfile =\n",
                server.port(),
                users.display(),
            );
            fs::write(&settings, text).expect("pgbouncer.ini");
            let mut command = Command::new(&bouncer);
            if is_root() {
                let (user, group) = user_and_group(UNPRIVILEGED);
                for file in [path, &users, &settings] {
                    chown(file, Some(user), Some(group)).expect("chown");
                }
                command = Command::new("setpriv");
                command
                    .args([format!("--reuid={user}"), format!("--regid={group}")])
                    .arg("--clear-groups")
                    .arg(&bouncer);
            }
            command.arg(&settings).current_dir("/");
            let mut daemon = Daemon::spawn("pgbouncer", &mut command, path);
            daemon.ready(|log| read_log(log).contains("process up").then_some(()))?;
            Some((daemon, port))
        });
        Some(Self {
            _daemon: daemon,
            port,
            _directory: directory,
        })
    }

    /// The URL of the owner's database through it.
    pub(crate) fn owner_url(&self) -> String {
        format!(
            "postgresql://{OWNER}:{OWNER}@127.0.0.1:{}/{OWNER}?sslmode=disable",
            self.port
        )
    }
}
