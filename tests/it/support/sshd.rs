//! Real OpenSSH servers that trust a certificate authority and nothing else.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::daemon::Daemon;
use super::skip::skip;
use super::wait::{on_free_port, read_log, until_logged};
use super::whereabouts::{is_root, program, user_name};

/// An `sshd` on loopback; its only login is the user who runs the tests.
pub(crate) struct Sshd {
    // Before the directory, so that it ends before its files go.
    daemon: Daemon,
    port: u16,
    user: String,
    dir: TempDir,
}

impl Sshd {
    /// Starts one that accepts certificates of the authorities in the file `trusted_user_ca_keys`.
    pub(crate) fn start(trusted_user_ca_keys: &Path) -> Option<Self> {
        Self::start_with(trusted_user_ca_keys, |_| String::new())
    }

    /// The same, with lines of its configuration that win over all others; `lines` is told where the
    /// server's files are, its `host_key` among them.
    pub(crate) fn start_with(
        trusted_user_ca_keys: &Path,
        lines: impl FnOnce(&Path) -> String,
    ) -> Option<Self> {
        let Some(binary) = program("sshd", None) else {
            skip("sshd is missing (Debian: openssh-server)");
            return None;
        };
        if no_login_shell() {
            skip("the user who runs the tests has no login shell");
            return None;
        }
        let dir = TempDir::new().expect("temporary directory");
        make_host_key(dir.path());
        let lines = lines(dir.path());
        if is_root() {
            // Where it separates privileges; Debian's start script makes it.
            fs::create_dir_all("/run/sshd").expect("/run/sshd");
        }
        let (daemon, port) = on_free_port(|port| {
            let config = dir.path().join("sshd_config");
            let own = server_config(dir.path(), port, trusted_user_ca_keys);
            fs::write(&config, format!("{lines}\n{own}")).expect("sshd_config");
            let mut command = Command::new(&binary);
            let mut daemon = Daemon::spawn(
                "sshd",
                command.args(["-D", "-e", "-f"]).arg(&config),
                dir.path(),
            );
            let listening = format!("Server listening on 127.0.0.1 port {port}.");
            daemon.ready(|log| read_log(log).contains(&listening).then_some(()))?;
            Some((daemon, port))
        });
        Some(Self {
            daemon,
            port,
            user: user_name(),
            dir,
        })
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The login name it knows.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// Its public host key: type and base64.
    pub(crate) fn host_key(&self) -> String {
        fs::read_to_string(self.dir.path().join("host_key.pub"))
            .expect("host key")
            .trim()
            .to_owned()
    }

    /// The first line of its log that contains `needle`, once it is written. The log names each
    /// certificate's key id, serial and authority.
    pub(crate) fn logged(&self, needle: &str) -> String {
        until_logged(self.daemon.log(), needle)
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        read_log(self.daemon.log())
    }
}

/// Writes an ssh client configuration into `dir` in which each server has a name and, where it is
/// given, another name to jump through; for `ssh -F`, since ssh does not look at `$HOME`.
pub(crate) fn client_config(dir: &Path, hosts: &[(&str, &Sshd, Option<&str>)]) -> PathBuf {
    let known_hosts = dir.join("known_hosts");
    let (mut config, mut known) = (String::new(), String::new());
    for (name, sshd, jump) in hosts {
        writeln!(known, "[127.0.0.1]:{} {}", sshd.port(), sshd.host_key()).expect("a string");
        writeln!(
            config,
            "Host {name}\n  HostName 127.0.0.1\n  Port {}\n  User {}",
            sshd.port(),
            sshd.user()
        )
        .expect("a string");
        if let Some(jump) = jump {
            writeln!(config, "  ProxyJump {jump}").expect("a string");
        }
    }
    let file = dir.join("ssh_config");
    writeln!(
        config,
        "Host *\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n  \
         BatchMode yes\n  ConnectTimeout 20",
        known_hosts.display(),
    )
    .expect("a string");
    fs::write(known_hosts, known).expect("known_hosts");
    fs::write(&file, config).expect("ssh_config");
    file
}

/// A user of the system, such as `nobody`, whose every session ends at once.
fn no_login_shell() -> bool {
    let line = format!("{}:", user_name());
    fs::read_to_string("/etc/passwd").is_ok_and(|users| {
        let locked = |user: &str| user.ends_with("/nologin") || user.ends_with("/false");
        users
            .lines()
            .any(|user| user.starts_with(&line) && locked(user))
    })
}

fn make_host_key(dir: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(dir.join("host_key"))
        .status()
        .expect("ssh-keygen runs");
    assert!(made.success(), "ssh-keygen: {made}");
}

fn server_config(dir: &Path, port: u16, trusted_user_ca_keys: &Path) -> String {
    format!(
        "ListenAddress 127.0.0.1:{port}
HostKey {}
TrustedUserCAKeys {}
LogLevel VERBOSE
PidFile none
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
AuthorizedPrincipalsFile none
AuthorizedKeysFile none
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding yes
MaxStartups 200
Subsystem sftp internal-sftp
",
        dir.join("host_key").display(),
        trusted_user_ca_keys.display(),
    )
}
