//! The demo's own home: a temporary directory that goes with it, also at Ctrl-C.

use std::{
    env::temp_dir,
    fs,
    io::{self, ErrorKind},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

use crate::{
    domain::{
        environment::Environment,
        failure::{Failure, Result},
    },
    platform::{files, keys, process},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// The sandbox; its directory goes when it is dropped.
pub(super) struct Sandbox {
    directory: PathBuf,
    environment: Environment,
    interrupted: Arc<AtomicBool>,
}

/// What a command of the demo printed, on both of its outputs, and how it ended.
pub(super) struct Ran {
    pub(super) output: String,
    pub(super) code: i32,
    pub(super) took: Duration,
}

impl Sandbox {
    /// A new one. From here on Ctrl-C ends the demo at its next step, and tidily.
    pub(super) fn new(environment: &Environment) -> Result<Self> {
        let interrupted = Arc::default();
        // First, or a Ctrl-C in between would leave the directory.
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register(signal, Arc::clone(&interrupted))
                .map_err(|error| Failure::failed("signals cannot be caught").because(&error))?;
        }
        let chance = keys::hex(&keys::random::<6>()?);
        let directory = temp_dir().join(format!("jit-demo-{chance}"));
        files::private_directory(&directory)?;
        Ok(Self {
            directory,
            environment: environment.clone(),
            interrupted,
        })
    }

    /// A file or directory in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes a file, with the directories above it.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.path(name);
        if let Some(directory) = file.parent() {
            files::private_directory(directory)?;
        }
        files::write_private(&file, text.as_bytes())?;
        Ok(file)
    }

    /// Lets another user, whom a server runs as, pass through the directory.
    pub(super) fn open_to_servers(&self) -> Result<()> {
        fs::set_permissions(&self.directory, fs::Permissions::from_mode(0o711))
            .map_err(|error| Failure::failed("the sandbox cannot be opened").because(&error))
    }

    /// A program that the user runs, so it has to be on the PATH.
    pub(super) fn client(&self, name: &str, package: &str) -> Result<PathBuf> {
        find(name, package, &self.environment)
    }

    /// A program of the system, also of the directories that servers are in.
    pub(super) fn program(&self, name: &str, package: &str) -> Result<PathBuf> {
        let mut environment = self.environment.clone();
        let mut path = environment.value("PATH").unwrap_or_default().to_owned();
        path.push(":/usr/local/sbin:/usr/sbin:/sbin");
        for version in (10..30).rev() {
            path.push(format!(":/usr/lib/postgresql/{version}/bin"));
        }
        environment.variables.insert("PATH".into(), path);
        find(name, package, &environment)
    }

    /// Two ports that nobody listens on.
    pub(super) fn free_ports() -> Result<(u16, u16)> {
        let broken = |error: &io::Error| {
            Failure::failed("there is no free port on 127.0.0.1").because(error)
        };
        let listen = || TcpListener::bind(("127.0.0.1", 0)).map_err(|error| broken(&error));
        let (one, other) = (listen()?, listen()?);
        let port = |listener: &TcpListener| {
            let address = listener.local_addr().map_err(|error| broken(&error))?;
            Ok(address.port())
        };
        Ok((port(&one)?, port(&other)?))
    }

    /// Runs `jit` itself in the sandbox, as a user would.
    pub(super) fn jit(&self, arguments: &[&str]) -> Result<Ran> {
        self.check()?;
        let jit = process::own_file()?;
        let began = Instant::now();
        let output = Command::new(jit)
            .args(arguments)
            .current_dir(&self.directory)
            .env("JIT_CONFIG_DIR", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_RUNTIME_DIR", self.path("cache"))
            .env_remove("PGHOST")
            .env_remove("PGPORT")
            .env_remove("PGUSER")
            .env_remove("PGSERVICE")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Failure::failed("jit cannot run itself").because(&error))?;
        let took = began.elapsed();
        self.check()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ran {
            output: text(&output.stdout) + &text(&output.stderr),
            code: output.status.code().unwrap_or(-1),
            took,
        })
    }

    /// Runs a program that prepares something; an error with its words if it fails.
    pub(super) fn prepare(&self, command: &mut Command) -> Result<String> {
        self.check()?;
        let shown = command.get_program().to_string_lossy().into_owned();
        let output = command
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Failure::failed(format!("{shown} cannot be run")).because(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Failure::failed(format!("{shown} failed: {words}")))
    }

    /// Starts a server and waits until it is `ready`.
    pub(super) fn serve(&self, command: &mut Command, ready: impl Fn() -> bool) -> Result<Server> {
        let shown = command.get_program().to_string_lossy().into_owned();
        let child = command
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::failed(format!("{shown} cannot be run")).because(&error))?;
        let mut server = Server(child);
        let began = Instant::now();
        while !ready() {
            self.check()?;
            if server.has_ended() || began.elapsed() > PATIENCE {
                return Err(Failure::failed(format!("{shown} does not start")));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// An error once the user pressed Ctrl-C.
    pub(super) fn check(&self) -> Result<()> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Failure::failed(
                "the demo was interrupted; its sandbox is gone",
            ));
        }
        Ok(())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A server's last words may still be written while the directory goes.
        for _ in 0..50 {
            match fs::remove_dir_all(&self.directory) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    thread::sleep(Duration::from_millis(20));
                }
                _ => return,
            }
        }
    }
}

/// A server of the demo; it ends when it is dropped.
pub(super) struct Server(Child);

impl Server {
    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked first: PostgreSQL then frees its shared memory.
        if let Ok(pid) = i32::try_from(self.0.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            _ = kill_process(pid, Signal::INT);
        }
        for _ in 0..100 {
            if self.has_ended() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn find(name: &str, package: &str, environment: &Environment) -> Result<PathBuf> {
    process::find(name.as_ref(), environment)
        .map_err(|failure| failure.hint(format!("Debian: apt-get install {package}")))
}

/// Whether somebody listens there.
pub(super) fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Whether servers must run as somebody else.
pub(super) fn is_root() -> bool {
    geteuid().is_root()
}
