//! The demo's sshd: it trusts the demo's authority and nobody else.

use std::{fs, path::Path, process::Command};

use super::sandbox::{Sandbox, Server, is_root, listens};
use crate::domain::failure::{Failure, Result};

/// Where sshd separates privileges when root starts it; Debian's start script makes it.
const SEPARATION: &str = "/run/sshd";

/// The server, and what was made for it outside of the sandbox.
pub(super) struct Sshd {
    _server: Server,
    made: Option<&'static Path>,
}

/// Starts it on `port` for the login `user`, and writes `ssh_config` for the client.
pub(super) fn start(sandbox: &Sandbox, user: &str, port: u16) -> Result<Sshd> {
    sandbox.client("ssh", "openssh-client")?;
    let sshd = sandbox.program("sshd", "openssh-server")?;
    let keygen = sandbox.program("ssh-keygen", "openssh-client")?;
    let key = sandbox.path("host_key");
    let mut made = Command::new(keygen);
    made.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&key);
    sandbox.prepare(&mut made)?;
    let ca = sandbox.jit(&["trust", "ssh/web", "--ca"])?;
    if ca.code != 0 {
        return Err(Failure::failed(ca.output.trim()));
    }
    sandbox.write("ca.pub", &ca.output)?;
    sandbox.write("sshd_config", &server(sandbox, port))?;
    let host_key = fs::read_to_string(key.with_extension("pub"))
        .map_err(|error| Failure::failed("the demo's host key is gone").because(&error))?;
    sandbox.write("known_hosts", &format!("[127.0.0.1]:{port} {host_key}"))?;
    sandbox.write("ssh_config", &client(sandbox, user, port))?;
    let made = separation();
    let mut command = Command::new(sshd);
    command.args(["-D", "-f"]).arg(sandbox.path("sshd_config"));
    let server = sandbox.serve(&mut command, || listens(port))?;
    Ok(Sshd {
        _server: server,
        made,
    })
}

fn server(sandbox: &Sandbox, port: u16) -> String {
    format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {}\nTrustedUserCAKeys {}\nAuthorizedKeysFile none\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n\
         PidFile none\nPrintMotd no\n",
        sandbox.path("host_key").display(),
        sandbox.path("ca.pub").display(),
    )
}

fn client(sandbox: &Sandbox, user: &str, port: u16) -> String {
    format!(
        "Host web\n  HostName 127.0.0.1\n  Port {port}\n  User {user}\n  UserKnownHostsFile {}\n  \
         GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n  BatchMode yes\n",
        sandbox.path("known_hosts").display(),
    )
}

/// Makes the directory where root's sshd separates privileges, if it is missing.
fn separation() -> Option<&'static Path> {
    let directory = Path::new(SEPARATION);
    (is_root() && fs::create_dir(directory).is_ok()).then_some(directory)
}

impl Drop for Sshd {
    fn drop(&mut self) {
        if let Some(directory) = self.made {
            drop(fs::remove_dir(directory));
        }
    }
}
