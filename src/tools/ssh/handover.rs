//! The private agent: bound here, served by a process of its own that outlives `execve`.
//!
//! This process binds the socket, so that connections queue until the agent accepts them and no
//! hand-shake is needed. The agent's process gets the listener as its stdin, a descriptor of this
//! process (`pidfd_open(2)`) as its stdout, where this process will be the tool that it ends with,
//! and what it is to serve through a pipe as its stderr: nothing secret is in its arguments, its
//! environment or a file.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _, pipe},
    os::{
        fd::OwnedFd,
        unix::{
            fs::{DirBuilderExt as _, OpenOptionsExt as _},
            net::UnixListener,
            process::CommandExt as _,
        },
    },
    path::{Path, PathBuf},
    process::{Command, Stdio, id},
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    domain::{
        credential::Secret,
        environment::Places,
        failure::{Failure, Result},
        key::PrivateKey,
        lease::Lease,
        time::Timestamp,
    },
    platform::{files, keys, process::own_program},
};

/// The hidden verb that serves the agent: `jit agent`.
pub const VERB: &str = "agent";
/// Its flag in the process that stays; without it, it starts that one and ends, so that the tool
/// gets no child that it does not know.
pub const STAY: &str = "--stay";

/// The name of an agent's socket in its directory.
pub const SOCKET: &str = "s";

/// The longest path of a socket: `sun_path` of `unix(7)`, with its zero byte, here and on other systems.
const LONGEST: usize = 103;

/// What the agent serves, and for how long.
#[derive(Debug, Serialize, Deserialize)]
pub struct Handover {
    /// The keys with their certificates in OpenSSH's one-line form; the first is offered first.
    pub identities: Vec<(PrivateKey, String)>,
    /// When the last certificate ends, and the agent with it.
    pub expires_at: Timestamp,
    /// The directory that goes with the agent.
    pub directory: PathBuf,
    /// What it ends with before that.
    pub ends_with: EndsWith,
}

/// What an agent ends with, besides its certificates.
#[derive(Debug, Serialize, Deserialize)]
pub enum EndsWith {
    /// The tool.
    Tool {
        /// Its process.
        process: u32,
        /// Whether stdout is that process's descriptor; without it, the agent looks now and then.
        has_descriptor: bool,
    },
    /// The link that leads to its socket, once that leads to another agent and whoever still talks to
    /// this one has ended; and its directory, once that is taken away.
    Link(PathBuf),
}

/// An agent that runs, as ssh is told of it.
#[derive(Debug)]
pub struct Agent {
    /// Its socket.
    pub socket: PathBuf,
    /// The certificates in files, in the order of the leases: public, and each the only identity that
    /// ssh is to offer to its hosts.
    pub certificates: Vec<PathBuf>,
    /// The private directory that both are in; it goes with the agent.
    pub directory: PathBuf,
}

/// Starts an agent that serves these leases until this process, which is to become the tool, ends.
pub fn start(leases: &[&Lease], places: &Places) -> Result<Agent> {
    files::private_directory(&places.runtime)?;
    let chance = keys::hex(&keys::random::<8>()?);
    let directory = fresh_directory(&places.runtime, &format!("ssh-{chance}"))?;
    let file = |at| directory.join(format!("id-{at}.pub"));
    let agent = Agent {
        socket: directory.join(SOCKET),
        certificates: (0..leases.len()).map(file).collect(),
        directory: directory.clone(),
    };
    let descriptor = descriptor();
    let ends_with = EndsWith::Tool {
        process: id(),
        has_descriptor: descriptor.is_some(),
    };
    let started = handover(leases, directory, ends_with).and_then(|handover| {
        let all = agent.certificates.iter().zip(&handover.identities);
        for (file, (_, certificate)) in all {
            put(file, certificate.as_bytes(), 0o600)?;
        }
        serve(&handover, descriptor)
    });
    if started.is_err() {
        drop(fs::remove_dir_all(&agent.directory));
    }
    started.map(|()| agent)
}

/// Starts an agent that serves a lease to whoever comes by way of `link`, in a fresh directory beside
/// it; the name of that directory. The link is the caller's affair.
pub(super) fn start_behind(lease: &Lease, link: &Path) -> Result<String> {
    let name = keys::hex(&keys::random::<4>()?);
    let directory = fresh_directory(link.parent().unwrap_or_else(|| Path::new("/")), &name)?;
    let started = handover(&[lease], directory.clone(), EndsWith::Link(link.to_owned()))
        .and_then(|handover| serve(&handover, None));
    if started.is_err() {
        drop(fs::remove_dir_all(&directory));
    }
    started.map(|()| name)
}

fn handover(leases: &[&Lease], directory: PathBuf, ends_with: EndsWith) -> Result<Handover> {
    let identities = leases.iter().map(|lease| identity(lease));
    let ends = leases.iter().map(|lease| lease.credential.expires_at);
    Ok(Handover {
        identities: identities.collect::<Result<_>>()?,
        expires_at: ends.max().unwrap_or(Timestamp::from_secs(0)),
        directory,
        ends_with,
    })
}

fn identity(lease: &Lease) -> Result<(PrivateKey, String)> {
    match &lease.credential.secret {
        Secret::SshCertificate(text) => Ok((lease.key.clone(), text.trim().to_owned())),
        Secret::KubernetesToken(_)
        | Secret::PostgresCertificate { .. }
        | Secret::PostgresRole { .. }
        | Secret::AwsSession { .. } => {
            Err(Failure::failed("the lease holds no certificate for ssh")
                .hint("drop it with \"jit forget --all\", then try again"))
        }
    }
}

/// Makes a file in the agent's own directory, which nobody else looks into and which goes with it: there
/// is nothing to exchange or to make last.
pub(super) fn put(file: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let written = options
        .open(file)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| {
        Failure::failed(format!("{} cannot be made", file.display()))
            .because(&error)
            .hint("check the free space")
    })
}

/// A new directory, whose path ssh and the kernel take as it is.
fn fresh_directory(parent: &Path, name: &str) -> Result<PathBuf> {
    let directory = parent.join(name);
    refuse_unfit(&directory.join(SOCKET))?;
    DirBuilder::new()
        .mode(0o700)
        .create(&directory)
        .map_err(|error| {
            Failure::failed(format!("{} cannot be made", directory.display()))
                .because(&error)
                .hint("check the free space and the permissions of its parent")
        })?;
    Ok(directory)
}

/// Refuses a socket whose path ssh would not take as it is, or that is too long for the kernel.
pub(super) fn refuse_unfit(socket: &Path) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@,=:".contains(c);
    let fits = socket
        .to_str()
        .is_some_and(|path| path.len() <= LONGEST && path.chars().all(plain));
    if fits {
        return Ok(());
    }
    let shown = socket.display();
    Err(
        Failure::failed(format!("no ssh agent's socket can be put at {shown}")).hint(
            "set XDG_RUNTIME_DIR to a short path of plain letters, for example /run/user/1000",
        ),
    )
}

fn serve(handover: &Handover, descriptor: Option<OwnedFd>) -> Result<()> {
    begin(handover, descriptor).map_err(|error| {
        Failure::failed("the private ssh agent cannot be started")
            .because(&error)
            .hint("check the limits of processes and open files (ulimit -a)")
    })
}

fn begin(handover: &Handover, descriptor: Option<OwnedFd>) -> io::Result<()> {
    let listener = UnixListener::bind(handover.directory.join(SOCKET))?;
    let (reader, mut writer) = pipe()?;
    // It fits into the pipe (16 pages), so that nobody need read while it is written.
    let bytes = Zeroizing::new(serde_json::to_vec(handover)?);
    writer.write_all(&bytes)?;
    drop(writer);
    let status = Command::new(own_program()?)
        .arg0("jit")
        .arg(VERB)
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(listener))
        .stdout(descriptor.map_or_else(Stdio::null, Stdio::from))
        .stderr(reader)
        // Ctrl-C is meant for the tool.
        .process_group(0)
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("jit {VERB} ended with {status}")))
}

/// A descriptor of this process, which tells when it ends; `None` where the system has none.
#[cfg(target_os = "linux")]
fn descriptor() -> Option<OwnedFd> {
    use rustix::process::{PidfdFlags, getpid, pidfd_open};
    pidfd_open(getpid(), PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn descriptor() -> Option<OwnedFd> {
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_is_private_plain_and_short() {
        let base = tempfile::tempdir().unwrap();
        let one = fresh_directory(base.path(), "one").unwrap();
        let mode = fs::metadata(&one).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(
            fresh_directory(base.path(), "one").is_err(),
            "it is another's"
        );
        for name in ["a b", "a%h", "a\"b", "a$HOME", "a\nb", &"x".repeat(100)] {
            let failure = fresh_directory(base.path(), name).unwrap_err();
            assert!(failure.hint.contains("XDG_RUNTIME_DIR"), "{name:?}");
        }
    }
}
