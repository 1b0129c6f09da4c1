//! A server process that ends with its test, and also where the test process is killed.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::wait::{read_log, until, until_within};

/// A running server, the leader of its own process group. It logs to a file in its directory.
pub(crate) struct Daemon {
    child: Child,
    janitor: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a server whose files are all in `dir`; what it prints goes to `<dir>/<name>.log`.
    pub(crate) fn spawn(name: &str, command: &mut Command, dir: &Path) -> Self {
        let log = dir.join(format!("{name}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let janitor = janitor(child.id(), dir);
        Self {
            child,
            janitor,
            log,
        }
    }

    /// Waits until `ready` answers. Nothing, where the server lost the race for its port.
    pub(crate) fn ready<T>(&mut self, ready: impl FnMut(&Path) -> Option<T>) -> Option<T> {
        self.ready_within(Duration::from_mins(1), ready)
    }

    /// The same for a server that takes longer to start.
    pub(crate) fn ready_within<T>(
        &mut self,
        patience: Duration,
        mut ready: impl FnMut(&Path) -> Option<T>,
    ) -> Option<T> {
        let (child, log) = (&mut self.child, &self.log);
        let what = format!("a server; its log is {}", log.display());
        until_within(patience, &what, || {
            let Some(status) = child.try_wait().expect("its status") else {
                return ready(log).map(Some);
            };
            let text = read_log(log);
            assert!(
                text.contains("in use"),
                "the server ended with {status}:\n{text}"
            );
            Some(None)
        })
    }

    /// The file that it logs to.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the server itself.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(&self.child), signal).expect("it runs");
    }

    /// Asks the server to end, where it has not, which lets it remove what it holds outside its directory.
    pub(crate) fn stop(&mut self, signal: Signal) {
        if self.child.try_wait().expect("its status").is_some() {
            return;
        }
        self.signal(signal);
        until("a server to end", || {
            self.child.try_wait().expect("its status")
        });
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.janitor.kill().expect("the janitor runs");
        self.janitor.wait().expect("the janitor ends");
        // Gone already is as good.
        let _gone = kill_process_group(pid(&self.child), Signal::KILL);
        self.child.wait().expect("the server ends");
    }
}

/// Watches the test process through a pipe that only its death closes; then kills and cleans up,
/// which no destructor does after SIGKILL, nor for a server that all tests share.
fn janitor(group: u32, dir: &Path) -> Child {
    let script = r#"cat; kill -s KILL -- "-$1"; until rm -rf "$2"; do sleep 0.1; done"#;
    Command::new("sh")
        .args(["-c", script, "janitor", &group.to_string()])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sh")
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}
