//! Programs: finding one, asking one a question, and becoming one.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, ErrorKind},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt as _, fs::PermissionsExt as _, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::{
    process::{Pid, Signal, kill_process_group},
    system::uname,
};

use crate::domain::{
    environment::Environment,
    failure::{Code, Failure, Result},
};

/// A tool, ready to be run: what it is given beyond the caller's own environment.
#[derive(Debug, Default)]
pub struct Launch {
    /// The program's file.
    pub program: PathBuf,
    /// Its arguments, without the name of the program.
    pub arguments: Vec<OsString>,
    /// Environment variables to set.
    pub set: BTreeMap<String, OsString>,
    /// Environment variables to take away.
    pub unset: Vec<String>,
    /// Files that the tool inherits; they must be without close-on-exec.
    pub inherited: Vec<OwnedFd>,
}

impl Launch {
    /// Replaces this process with the tool (`execve`); comes back only with the reason why not.
    pub fn replace(self) -> Failure {
        let error = self.command().exec();
        let shown = self.program.display();
        if error.kind() == ErrorKind::NotFound {
            Failure::new(Code::NotFound, format!("{shown} is not there"))
                .hint("it was removed, or the interpreter in its first line is missing")
        } else {
            Failure::new(Code::CannotRun, format!("{shown} cannot be run"))
                .because(&error)
                .hint("check that it is a program for this machine and may be executed")
        }
    }

    /// The same tool with what another launch of it gives, too. `arguments` are those that were given.
    ///
    /// # Errors
    /// Usage, where both set the same variable to another value.
    pub fn beside(mut self, other: Self, arguments: &[OsString]) -> Result<Self> {
        let twice = other.set.iter().find(|(name, value)| {
            let own = self.set.get(*name);
            own.is_some_and(|own| own != *value)
        });
        if let Some((name, _)) = twice {
            return Err(
                Failure::usage(format!("both resources need {name}, each another one"))
                    .hint("run the command once for each"),
            );
        }
        if other.arguments != arguments {
            self.arguments = other.arguments;
        }
        self.set.extend(other.set);
        self.unset.extend(other.unset);
        self.unset.retain(|name| !self.set.contains_key(name));
        self.inherited.extend(other.inherited);
        Ok(self)
    }

    /// Runs the tool to its end beside this process, in the background of its terminal: it can ask
    /// nobody anything.
    ///
    /// # Errors
    /// It cannot be run, or takes longer than `patience` (124), after which it is killed.
    pub fn attempt(self, patience: Duration) -> Result<Heard> {
        let mut command = self.command();
        hear(command.process_group(0).stderr(Stdio::piped()), patience)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(&self.set);
        for name in &self.unset {
            command.env_remove(name);
        }
        command
    }
}

/// From now on no other process of this user can trace this one or read its memory, and no core dump holds
/// what is in it. A program that replaces this process is as any other again.
#[cfg(target_os = "linux")]
pub fn forbid_dumps() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // It cannot fail with this value, and nothing could be done about it.
    let _set = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Other systems have no such switch.
#[cfg(not(target_os = "linux"))]
pub fn forbid_dumps() {}

/// Whoever waits for the end of a pipe, or of a lock, that this process happened to inherit must not
/// wait for a child that stays: it finds nothing behind those numbers.
///
/// # Errors
/// `/dev/fd` or `/dev/null` cannot be opened.
pub fn without_inherited(command: &mut Command) -> io::Result<&mut Command> {
    let inherited = |name: &str| name.parse::<i32>().ok().filter(|number| *number > 2);
    let numbers: Vec<i32> = fs::read_dir("/dev/fd")?
        .filter_map(|entry| inherited(entry.ok()?.file_name().to_str()?))
        .collect();
    let mappings = numbers.into_iter().map(|child_fd| {
        let nothing = fs::File::open("/dev/null")?;
        Ok(FdMapping {
            parent_fd: nothing.into(),
            child_fd,
        })
    });
    let mappings: io::Result<Vec<FdMapping>> = mappings.collect();
    command.fd_mappings(mappings?).map_err(io::Error::other)
}

/// The name of this machine.
pub fn host_name() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// The file of a program, as `execvp` finds it: by `PATH`, or as it is where it has a slash.
pub fn find(program: &OsStr, environment: &Environment) -> Result<PathBuf> {
    let shown = program.to_string_lossy();
    if program.as_encoded_bytes().contains(&b'/') {
        return runnable(&environment.directory.join(program));
    }
    let mut refused = None;
    let path = environment.value("PATH").unwrap_or_default();
    for directory in env::split_paths(path) {
        let file = environment.directory.join(directory).join(program);
        match runnable(&file) {
            Ok(file) => return Ok(file),
            Err(failure) if failure.code == Code::CannotRun => refused = Some(failure),
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or_else(|| {
        Failure::new(Code::NotFound, format!("{shown} is not installed"))
            .hint("install it, or correct PATH")
    }))
}

/// The program of this process, also where its file has been replaced meanwhile: for a
/// process that must be of the same version.
pub fn own_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    env::current_exe()
}

/// The file of this very program, for tools that call it back.
pub fn own_file() -> Result<PathBuf> {
    let file = env::current_exe().map_err(|error| {
        Failure::failed("jit cannot find its own file")
            .because(&error)
            .hint("check that /proc is mounted")
    })?;
    // An upgrade replaced the file under us: Linux marks the old one, and the new one serves.
    let marked = file.as_os_str().as_bytes().strip_suffix(b" (deleted)");
    Ok(marked.map_or_else(|| file.clone(), |path| OsStr::from_bytes(path).into()))
}

fn runnable(file: &Path) -> Result<PathBuf> {
    let shown = file.display();
    match fs::metadata(file) {
        Ok(metadata) if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 => {
            Ok(file.to_owned())
        }
        Ok(metadata) if metadata.is_file() => Err(Failure::new(
            Code::CannotRun,
            format!("{shown} is not executable"),
        )
        .hint(format!("run: chmod +x '{shown}'"))),
        Ok(_) => Err(
            Failure::new(Code::CannotRun, format!("{shown} is not a program"))
                .hint("name the program's file"),
        ),
        Err(_) => Err(
            Failure::new(Code::NotFound, format!("{shown} is not there"))
                .hint("install it, or correct the path"),
        ),
    }
}

/// What a program that was asked a question printed on stdout; an error if it failed or was silent
/// for longer than `patience`. It gets no stdin.
pub fn ask(program: &Path, arguments: &[OsString], patience: Duration) -> Result<Vec<u8>> {
    let shown = program.display();
    let mut command = Command::new(program);
    let heard = hear(command.args(arguments).stderr(Stdio::null()), patience)?;
    if heard.succeeded {
        return Ok(heard.stdout);
    }
    Err(
        Failure::failed(format!("{shown} refused its own arguments"))
            .hint("run the tool by itself to see why"),
    )
}

/// What was heard of a program until its end.
#[derive(Debug)]
pub struct Heard {
    /// Whether it ended with 0.
    pub succeeded: bool,
    /// What it said on stdout.
    pub stdout: Vec<u8>,
    /// What it said on stderr.
    pub stderr: Vec<u8>,
}

/// Runs a program to its end; an error if that takes longer than `patience`. It gets no stdin, and the
/// stderr that it is given.
fn hear(command: &mut Command, patience: Duration) -> Result<Heard> {
    let shown = command.get_program().display().to_string();
    let unrunnable = |error: &io::Error| {
        Failure::new(Code::CannotRun, format!("{shown} cannot be run")).because(error)
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| unrunnable(&error))?;
    let (done, answer) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::spawn(move || {
        let errors = thread::spawn(move || read_all(stderr));
        let said = read_all(stdout);
        drop(done.send((said, errors.join().unwrap_or_default())));
    });
    let Ok((stdout, stderr)) = answer.recv_timeout(patience) else {
        // Where it leads a group of its own, with all that it has started.
        _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        drop(child.kill());
        drop(child.wait());
        return Err(
            Failure::new(Code::TimedOut, format!("{shown} did not answer"))
                .hint("run the tool by itself to see why"),
        );
    };
    let status = child.wait().map_err(|error| unrunnable(&error))?;
    Ok(Heard {
        succeeded: status.success(),
        stdout,
        stderr,
    })
}

/// What comes out of a pipe; what was read before an error is what there is.
fn read_all(pipe: Option<impl io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        drop(pipe.read_to_end(&mut bytes));
    }
    bytes
}
