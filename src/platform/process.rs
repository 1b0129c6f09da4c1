//! Programs: finding one, asking one a question, and becoming one.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, ErrorKind, Read as _},
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

use rustix::system::uname;

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
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(&self.set);
        for name in &self.unset {
            command.env_remove(name);
        }
        let error = command.exec();
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
    let shown = program.display().to_string();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| {
            Failure::new(Code::CannotRun, format!("{shown} cannot be run")).because(&error)
        })?;
    let (done, answer) = mpsc::channel();
    if let Some(mut stdout) = child.stdout.take() {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.read_to_end(&mut bytes).map(|_| bytes);
            drop(done.send(read));
        });
    }
    let Ok(Ok(bytes)) = answer.recv_timeout(patience) else {
        drop(child.kill());
        drop(child.wait());
        return Err(
            Failure::new(Code::TimedOut, format!("{shown} did not answer"))
                .hint("run the tool by itself to see why"),
        );
    };
    match child.wait() {
        Ok(status) if status.success() => Ok(bytes),
        _ => Err(
            Failure::failed(format!("{shown} refused its own arguments"))
                .hint("run the tool by itself to see why"),
        ),
    }
}
