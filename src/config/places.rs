//! Where things are kept: the XDG directories (freedesktop.org, Base Directory 0.8), on every system.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{
    domain::{
        environment::{Environment, Places},
        failure::{Failure, Result},
    },
    platform::keys,
};

/// What names the directory of an agent's own session, in the environment of an agent.
pub const SESSION: &str = "JIT_SESSION";

/// The places of this environment. Those of an agent are in its own directory, beside which it finds
/// nothing of whoever it acts for. `--config-dir`, then `JIT_CONFIG_DIR`, names another directory of
/// configuration; the rest stays where it is.
///
/// # Errors
/// There is no home directory, and the variables that would do without one are not set.
pub fn find(environment: &Environment, config_dir: Option<&Path>) -> Result<Places> {
    let named = config_dir.or_else(|| environment.value("JIT_CONFIG_DIR").map(Path::new));
    let configuration = match named {
        Some(directory) => environment.directory.join(directory),
        None => xdg(environment, "XDG_CONFIG_HOME", ".config")?,
    };
    if let Some(own) = environment.value(SESSION) {
        return Ok(Places::of_agent(
            &environment.directory.join(own),
            configuration,
        ));
    }
    let cache = xdg(environment, "XDG_CACHE_HOME", ".cache")?;
    Ok(Places {
        configuration,
        state: xdg(environment, "XDG_STATE_HOME", ".local/state")?,
        runtime: absolute(environment, "XDG_RUNTIME_DIR")
            .filter(|runtime| is_own(runtime))
            .map_or_else(|| cache.join("run"), |runtime| runtime.join("jit")),
        cache,
        job: job(environment),
    })
}

/// Whether a directory is there and this user's. That of a log-in goes with it, although a terminal
/// multiplexer may still name it, and `su` keeps that of whoever was there before.
fn is_own(directory: &Path) -> bool {
    let metadata = fs::metadata(directory);
    metadata.is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw())
}

/// What a runner gives a job: a token that is its identity, or by which it asks for one, or the file of one.
const IDENTITY: [&str; 4] = [
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "JIT_ID_TOKEN",
    "JIT_ID_TOKEN_FILE",
];

/// By what well-known runners tell a job from others, whose file of a token may be at the same path: GitLab,
/// GitHub, Buildkite, `CircleCI`, Jenkins, Azure Pipelines. By themselves they make nobody a job.
const NAMES: [&str; 8] = [
    "CI_JOB_ID",
    "GITHUB_RUN_ID",
    "GITHUB_JOB",
    "GITHUB_RUN_ATTEMPT",
    "BUILDKITE_JOB_ID",
    "CIRCLE_WORKFLOW_JOB_ID",
    "BUILD_TAG",
    "SYSTEM_JOBID",
];

fn job(environment: &Environment) -> Option<String> {
    let value = |name: &str| environment.value(name).unwrap_or_default();
    if IDENTITY.iter().all(|name| value(name).is_empty()) {
        return None;
    }
    let given = IDENTITY.iter().chain(&NAMES).map(|name| value(name));
    let given: Vec<&[u8]> = given.map(OsStr::as_encoded_bytes).collect();
    let given = given.join(&0);
    Some(keys::hex(&keys::sha256(&given)))
}

fn xdg(environment: &Environment, variable: &str, below_home: &str) -> Result<PathBuf> {
    absolute(environment, variable)
        .or_else(|| environment.in_home(below_home))
        .map(|base| base.join("jit"))
        .ok_or_else(|| {
            Failure::failed("there is no home directory")
                .hint(format!("set HOME, or {variable}, to an absolute path"))
        })
}

/// "All paths set in these environment variables must be absolute", and others are ignored.
fn absolute(environment: &Environment, variable: &str) -> Option<PathBuf> {
    let path = environment.value(variable).map(PathBuf::from);
    path.filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    fn environment(home: Option<&str>, variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter();
        Environment {
            variables: variables.map(|(n, v)| (n.into(), v.into())).collect(),
            directory: "/work".into(),
            home: home.map(PathBuf::from),
        }
    }

    #[test]
    fn the_home_directory_is_where_things_are_by_default() {
        let places = find(&environment(Some("/h"), &[]), None).unwrap();
        assert_eq!(places.configuration, Path::new("/h/.config/jit"));
        assert_eq!(places.state, Path::new("/h/.local/state/jit"));
        assert_eq!(places.runtime, Path::new("/h/.cache/jit/run"));
    }

    #[test]
    fn the_nearest_word_on_the_configuration_wins() {
        let own = tempfile::tempdir().unwrap();
        let runtime = own.path().to_str().unwrap();
        let set = [
            ("JIT_CONFIG_DIR", "conf"),
            ("XDG_CONFIG_HOME", "/x"),
            ("XDG_RUNTIME_DIR", runtime),
        ];
        let environment = environment(Some("/h"), &set);
        let places = find(&environment, None).unwrap();
        assert_eq!(places.configuration, Path::new("/work/conf"));
        assert_eq!(places.runtime, own.path().join("jit"));
        let places = find(&environment, Some(Path::new("/other"))).unwrap();
        assert_eq!(places.configuration, Path::new("/other"));
    }

    #[test]
    fn a_runtime_directory_of_another_user_counts_as_none() {
        let directory = tempfile::tempdir().unwrap();
        let runtime = directory.path().to_str().unwrap();
        let found = || {
            let set = [("XDG_RUNTIME_DIR", runtime)];
            find(&environment(Some("/h"), &set), None).unwrap().runtime
        };
        assert_eq!(found(), directory.path().join("jit"));
        if geteuid().is_root() {
            chown(directory.path(), Some(12345), None).unwrap();
            assert_eq!(found(), Path::new("/h/.cache/jit/run"));
        }
    }

    #[test]
    fn a_runtime_directory_that_is_gone_or_nobody_s_of_ours_is_none() {
        for gone in ["/run/user/4294967294", "/proc/self/status"] {
            let set = [("XDG_RUNTIME_DIR", gone)];
            let places = find(&environment(Some("/h"), &set), None).unwrap();
            assert_eq!(places.runtime, Path::new("/h/.cache/jit/run"), "{gone}");
        }
    }

    #[test]
    fn each_job_of_a_ci_is_another() {
        let of = |set: &[(&str, &str)]| find(&environment(Some("/h"), set), None).unwrap().job;
        let gitlab = of(&[("JIT_ID_TOKEN", "a.b.c")]);
        assert!(gitlab.as_ref().is_some_and(|job| !job.contains("a.b.c")));
        assert_eq!(gitlab, of(&[("JIT_ID_TOKEN", "a.b.c"), ("CI", "true")]));
        assert_ne!(gitlab, of(&[("JIT_ID_TOKEN", "a.b.d")]));
        assert_ne!(gitlab, of(&[("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "a.b.c")]));
        assert_eq!(of(&[("JIT_ID_TOKEN", "")]), None);
        let file = ("JIT_ID_TOKEN_FILE", "/run/token");
        let first = of(&[file, ("BUILDKITE_JOB_ID", "1")]);
        assert!(first.is_some());
        assert_eq!(first, of(&[file, ("BUILDKITE_JOB_ID", "1"), ("CI", "1")]));
        assert_ne!(first, of(&[file, ("BUILDKITE_JOB_ID", "2")]));
        assert_ne!(of(&[file]), of(&[("JIT_ID_TOKEN_FILE", "/run/other")]));
        // A person's shell in an IDE of a CI, or a job without an identity.
        assert_eq!(of(&[("CI_JOB_ID", "1"), ("BUILD_TAG", "x")]), None);
    }

    #[test]
    fn a_relative_variable_is_ignored_and_no_home_is_an_error() {
        let set = [("XDG_CONFIG_HOME", "relative")];
        let places = find(&environment(Some("/h"), &set), None).unwrap();
        assert_eq!(places.configuration, Path::new("/h/.config/jit"));
        let failure = find(&environment(None, &set), None).unwrap_err();
        assert_eq!(failure.message, "there is no home directory");
        assert_eq!(
            failure.hint,
            "set HOME, or XDG_CONFIG_HOME, to an absolute path"
        );
    }
}
