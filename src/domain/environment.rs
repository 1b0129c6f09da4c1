//! The process's environment as data: what variables are set, where it stands, who it runs as.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// A snapshot of the process's surroundings, taken once by `config` and passed down.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The environment variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// The working directory.
    pub directory: PathBuf,
    /// The home directory; absent where neither `HOME` nor the user database names one.
    pub home: Option<PathBuf>,
}

impl Environment {
    /// A variable's value; an empty one counts as unset, as the tools that we serve have it.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable's value where it is UTF-8 text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(OsStr::to_str)
    }

    /// A file below the home directory, if there is a home directory.
    pub fn in_home(&self, path: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(path))
    }
}

/// Where things are kept: the XDG directories of `jit`.
#[derive(Clone, Debug)]
pub struct Places {
    /// `config.toml`, `authority.toml`, `policies/`.
    pub configuration: PathBuf,
    /// The embedded ledger, the sealing key.
    pub state: PathBuf,
    /// Sealed leases, private kubeconfigs.
    pub cache: PathBuf,
    /// Sockets and files that must not outlive the boot; the cache where the system has no such place.
    pub runtime: PathBuf,
    /// What tells the job of a CI, as which this process runs, from all others on the same machine, in hex;
    /// absent where it is none.
    pub job: Option<String>,
}

impl Places {
    /// Those of an agent: all in a directory of its own, except for the configuration.
    pub fn of_agent(directory: &Path, configuration: PathBuf) -> Self {
        Self {
            configuration,
            state: directory.join("state"),
            cache: directory.join("cache"),
            runtime: directory.join("run"),
            job: None,
        }
    }
}
