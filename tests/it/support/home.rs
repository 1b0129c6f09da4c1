//! A sandboxed home: what `jit` sees of a user's machine, and what came of running it.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use jit::platform::configuration;
use tempfile::TempDir;

use super::whereabouts::{aws_bin, jit, kubernetes_bin};

/// An empty HOME with its XDG directories, gone with this value.
pub(crate) struct Home {
    dir: TempDir,
}

/// What a program did: its output as text, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit code, or 128 and the signal as a shell has it.
    pub(crate) code: i32,
}

impl Home {
    /// A new one.
    pub(crate) fn new() -> Self {
        let home = Self {
            dir: TempDir::new().expect("temporary directory"),
        };
        for name in ["bin", "config", "state", "cache", "data", "run"] {
            fs::create_dir(home.path(name)).expect("a directory");
        }
        fs::set_permissions(home.path("run"), fs::Permissions::from_mode(0o700)).expect("chmod");
        home
    }

    /// A file or directory in it: `bin` stands first in PATH, and `config`, `state`, `cache`,
    /// `data` and `run` are the XDG directories.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// jit's own configuration directory.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("config/jit")
    }

    /// The directory for what belongs to its configuration directory: of `ssh`, of `postgres`.
    pub(crate) fn own(&self, above: &str, kind: &str) -> PathBuf {
        let own = configuration::own_directory(kind, &self.config());
        self.path(above).join(own)
    }

    /// Writes a file of jit's configuration: `authority.toml`, `policies/a.cedar`.
    pub(crate) fn configure(&self, name: &str, text: &str) -> PathBuf {
        self.write(&format!("config/jit/{name}"), text)
    }

    /// Writes a file, with the directories above it, for this user alone.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path(name);
        fs::create_dir_all(file.parent().expect("a directory")).expect("directories");
        fs::write(&file, text).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("chmod");
        file
    }

    /// Makes a program of that name from a shell script, found before all others.
    pub(crate) fn tool(&self, name: &str, script: &str) -> PathBuf {
        let file = self.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("chmod");
        file
    }

    /// `jit` with these arguments, in this home and in nothing else of the caller's environment.
    pub(crate) fn jit<I>(&self, args: I) -> Command
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut command = self.command(&jit());
        command.args(args);
        command
    }

    /// Any program in this home.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", self.search_path())
            .env("HOME", self.dir.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TERM", "dumb")
            .env("LANG", "C.UTF-8")
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    fn search_path(&self) -> OsString {
        let theirs = env::var_os("PATH").unwrap_or_default();
        let ours = [self.path("bin"), kubernetes_bin(), aws_bin()];
        env::join_paths(ours.into_iter().chain(env::split_paths(&theirs))).expect("a PATH")
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
        .into()
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let signal = || 128 + output.status.signal().expect("a code or a signal");
        Self {
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            code: output.status.code().unwrap_or_else(signal),
        }
    }
}
