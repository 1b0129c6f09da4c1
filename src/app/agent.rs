//! `jit agent`, hidden: the private ssh agent of one tool, or of a login (draft-miller-ssh-agent).
//!
//! It only lists and signs, only for processes of the same user, only log-ins of its own role on
//! this machine's behalf, and it ends with the tool or with the certificate. What it is given, and
//! on which descriptors, is told in `tools::ssh::handover`; who shares it, in `tools::ssh::shared`.

use std::{
    fs,
    io::{self, Read as _, stderr, stdin, stdout},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{net::UnixListener as StdListener, process::CommandExt as _},
    },
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, geteuid, setsid, test_kill_process},
};
use ssh_agent_lib::{
    agent::{Agent, Session, listen},
    error::AgentError,
    proto::{Extension, Identity, PublicCredential, SignRequest},
    ssh_key::{Algorithm, Certificate, Signature},
};
use tokio::{
    net::{UnixListener, UnixStream},
    runtime::Builder,
    sync::oneshot,
    time::sleep,
};
use zeroize::Zeroizing;

use crate::{
    domain::{
        failure::{Failure, Result},
        key::PrivateKey,
        time::Timestamp,
    },
    platform::{
        clock, keys,
        process::{own_program, without_inherited},
    },
    tools::ssh::handover::{self, EndsWith, Handover, SOCKET},
};

/// How often the agent looks whether the tool still runs, where no descriptor tells it, or whether it
/// was forgotten or replaced.
const LOOK: Duration = Duration::from_secs(1);

/// Serve a private ssh agent
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stay and serve; without it, start the process that stays.
    #[arg(long, hide = true)]
    stay: bool,
}

/// Serves until the tool or the certificate ends. It uses no configuration and no environment.
pub fn run(args: &Args) -> Result<()> {
    if args.stay {
        return stay();
    }
    // The tool must not find a child that it did not make, so that the agent is a grandchild, which
    // is nobody's once this process has ended.
    let started = own_program().and_then(|program| {
        let mut command = Command::new(program);
        command
            .arg0("jit")
            .args([handover::VERB, handover::STAY])
            .stdin(Stdio::inherit());
        without_inherited(&mut command)?.spawn()
    });
    started.map(drop).map_err(|error| broken(&error))
}

fn broken(error: &io::Error) -> Failure {
    Failure::failed("the private ssh agent cannot serve").because(error)
}

fn stay() -> Result<()> {
    let own = |fd: io::Result<OwnedFd>| fd.map_err(|error| broken(&error));
    let listener = StdListener::from(own(stdin().as_fd().try_clone_to_owned())?);
    let process = own(stdout().as_fd().try_clone_to_owned())?;
    let handover = received(own(stderr().as_fd().try_clone_to_owned())?)?;
    // A terminal's signals and its end are the tool's affair.
    let _session = setsid();
    let served = serve(listener, process, &handover);
    drop(fs::remove_dir_all(&handover.directory));
    served.map_err(|error| broken(&error))
}

fn received(pipe: OwnedFd) -> Result<Handover> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    fs::File::from(pipe)
        .read_to_end(&mut bytes)
        .map_err(|error| broken(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::usage("jit agent is started by jit itself, with something to serve")
            .because(&error)
            .hint("see: jit exec --help")
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the agent is a process of its own, whose protocol the crate speaks on tokio"
)]
fn serve(listener: StdListener, process: OwnedFd, handover: &Handover) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let keyring = Keyring {
        identities: handover.identities.iter().filter_map(Served::new).collect(),
        socket: handover.directory.join(SOCKET).into(),
    };
    let socket = Arc::clone(&keyring.socket);
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        tokio::select! {
            ended = ended(process, &handover.ends_with, &socket) => ended,
            () = sleep(handover.expires_at.left(clock::now())) => Ok(()),
            failed = listen(listener, keyring) => failed.map_err(io::Error::other),
        }
    })
}

/// Returns once what the agent ends with has ended.
async fn ended(process: OwnedFd, with: &EndsWith, socket: &Arc<Path>) -> io::Result<()> {
    match with {
        EndsWith::Tool {
            has_descriptor: true,
            ..
        } => {
            let (over, told) = oneshot::channel();
            thread::spawn(move || drop(over.send(wait(&process))));
            told.await.map_err(io::Error::other)?
        }
        EndsWith::Tool { process, .. } => {
            let pid = i32::try_from(*process).ok().and_then(Pid::from_raw);
            while pid.is_some_and(|pid| test_kill_process(pid).is_ok()) {
                sleep(LOOK).await;
            }
            Ok(())
        }
        EndsWith::Link(link) => {
            // It is exchanged once this agent serves.
            let mut has_led = false;
            while is_there(socket) {
                let leads = leads_to(link, socket);
                if has_led && !leads && !is_busy(socket) {
                    break;
                }
                has_led |= leads;
                sleep(LOOK).await;
            }
            Ok(())
        }
    }
}

/// Whether the socket is where it was put: who forgets or revokes a lease takes it away.
fn is_there(socket: &Path) -> bool {
    fs::symlink_metadata(socket).is_ok()
}

/// Whether whoever comes by way of the link finds this socket.
fn leads_to(link: &Path, socket: &Path) -> bool {
    fs::read_link(link).is_ok_and(|target| link.with_file_name(target) == socket)
}

/// Whether somebody is connected: each connection shares the path, as do the keyring and `serve`.
fn is_busy(socket: &Arc<Path>) -> bool {
    Arc::strong_count(socket) > 2
}

/// Blocks until a process has ended: then its descriptor is readable (`pidfd_open(2)`).
fn wait(process: &OwnedFd) -> io::Result<()> {
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    while let Err(error) = poll(&mut fds, None) {
        if error != Errno::INTR {
            return Err(error.into());
        }
    }
    Ok(())
}

/// One key with its certificate.
#[derive(Clone)]
struct Served {
    key: PrivateKey,
    certificate: Certificate,
}

impl Served {
    fn new((key, text): &(PrivateKey, String)) -> Option<Self> {
        // Without its comment, which is no part of what clients send back.
        let bare: Vec<&str> = text.split_ascii_whitespace().take(2).collect();
        let certificate = Certificate::from_openssh(&bare.join(" ")).ok()?;
        let key = key.clone();
        Some(Self { key, certificate })
    }

    fn is(&self, wanted: &PublicCredential) -> bool {
        match wanted {
            PublicCredential::Cert(certificate) => **certificate == self.certificate,
            PublicCredential::Key(_) => false,
        }
    }

    fn signs(&self, data: &[u8], now: Timestamp) -> bool {
        let now = u64::try_from(now.secs()).unwrap_or(u64::MAX);
        let principals = self.certificate.valid_principals();
        now < self.certificate.valid_before()
            && login(data).is_some_and(|user| principals.iter().any(|p| p.as_bytes() == user))
    }
}

/// The login name of a request for authentication (RFC 4252, section 7), the only thing that is
/// signed: a session's id, message 50, the user.
pub fn login(data: &[u8]) -> Option<&[u8]> {
    let (_session, rest) = field(data)?;
    let rest = rest.strip_prefix(&[50])?;
    let (user, rest) = field(rest)?;
    let (service, rest) = field(rest)?;
    let (method, _) = field(rest)?;
    (service == b"ssh-connection" && method.starts_with(b"publickey")).then_some(user)
}

/// A string of the protocol (RFC 4251, section 5) and what follows it.
fn field(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// What is served, and to whom.
struct Keyring {
    identities: Vec<Served>,
    socket: Arc<Path>,
}

impl Agent<UnixListener> for Keyring {
    fn new_session(&mut self, socket: &UnixStream) -> impl Session {
        let own = geteuid().as_raw();
        let ours = socket.peer_cred().is_ok_and(|peer| peer.uid() == own);
        Connection {
            identities: if ours {
                self.identities.clone()
            } else {
                Vec::new()
            },
            socket: Arc::clone(&self.socket),
        }
    }
}

/// One client's connection. What it does not answer here, the crate refuses.
struct Connection {
    identities: Vec<Served>,
    socket: Arc<Path>,
}

impl Connection {
    /// What is served now: nothing once the socket was taken away.
    fn identities(&mut self) -> &[Served] {
        if !is_there(&self.socket) {
            self.identities.clear();
        }
        &self.identities
    }
}

#[ssh_agent_lib::async_trait]
impl Session for Connection {
    async fn request_identities(&mut self) -> Result<Vec<Identity>, AgentError> {
        let identity = |served: &Served| Identity {
            credential: served.certificate.clone().into(),
            comment: served.certificate.key_id().to_owned(),
        };
        Ok(self.identities().iter().map(identity).collect())
    }

    async fn sign(&mut self, request: SignRequest) -> Result<Signature, AgentError> {
        let served = self
            .identities()
            .iter()
            .find(|served| {
                served.is(&request.credential) && served.signs(&request.data, clock::now())
            })
            .ok_or(AgentError::Failure)?;
        let signature = keys::sign(&served.key, &request.data).map_err(AgentError::other)?;
        Signature::new(Algorithm::Ed25519, signature).map_err(AgentError::other)
    }

    /// ssh binds each connection to its session (OpenSSH's PROTOCOL.agent, section 1) and says
    /// whether it hands it on to the host: then nobody here asks, and nothing is served.
    async fn extension(&mut self, extension: Extension) -> Result<Option<Extension>, AgentError> {
        if extension.name != "session-bind@openssh.com" {
            return Err(AgentError::ExtensionFailure);
        }
        // Its last byte is that flag.
        if extension.details.as_ref().last() != Some(&0) {
            self.identities.clear();
        }
        Ok(None)
    }
}
