//! Where the programs are that the tests run: a directory given by `tests/run`, its cache, or the system.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use super::skip::skip;

/// The `jit` that is tested: the one that cargo has just built, or another one.
pub(crate) fn jit() -> PathBuf {
    given("JIT_BENCH_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_jit").into())
}

/// Copies the `jit` that is tested to that place, by a process of its own: a file that another thread's child
/// has open for writing cannot be run.
pub(crate) fn copy_jit(to: &Path) {
    let copied = Command::new("cp").arg(jit()).arg(to).status();
    assert!(copied.expect("cp").success());
}

/// Where kube-apiserver, etcd and kubectl are.
pub(crate) fn kubernetes_bin() -> PathBuf {
    given("JIT_TEST_KUBE_BIN").unwrap_or_else(|| cache().join("kubernetes"))
}

/// Where aws, `moto_server` and a python3 that has boto3 and psycopg are.
pub(crate) fn aws_bin() -> PathBuf {
    given("JIT_TEST_AWS_BIN").unwrap_or_else(|| cache().join("aws/bin"))
}

/// Where the client programs are that `tests/servers/clients.sh` builds from tests/clients.
pub(crate) fn clients_bin() -> PathBuf {
    given("JIT_TEST_CLIENTS_BIN").unwrap_or_else(|| cache().join("clients"))
}

/// One of these programs; where it is missing the test is skipped.
pub(crate) fn client(name: &str) -> Option<PathBuf> {
    let file = clients_bin().join(name);
    if file.is_file() {
        return Some(file);
    }
    skip(&format!(
        "{name} is missing (tests/servers/clients.sh builds it)"
    ));
    None
}

/// Where ansible is.
pub(crate) fn ansible_bin() -> PathBuf {
    given("JIT_TEST_ANSIBLE_BIN").unwrap_or_else(|| cache().join("ansible/bin"))
}

/// Where schemathesis is.
pub(crate) fn schemathesis_bin() -> PathBuf {
    given("JIT_TEST_SCHEMATHESIS_BIN").unwrap_or_else(|| cache().join("schemathesis/bin"))
}

/// Where the modules of the OpenID provider are, for its script in tests/servers/openid.
pub(crate) fn openid_modules() -> PathBuf {
    given("JIT_TEST_OPENID").unwrap_or_else(|| cache().join("openid"))
}

/// Where the distribution of Keycloak is that `tests/servers/keycloak.sh` brings.
pub(crate) fn keycloak() -> PathBuf {
    given("JIT_TEST_KEYCLOAK").unwrap_or_else(|| cache().join("keycloak"))
}

/// The program of that name: in the `first` directory, on the PATH, or where Debian hides servers.
pub(crate) fn program(name: &str, first: Option<&Path>) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let first = given_postgres(name).or_else(|| first.map(Path::to_path_buf));
    first
        .into_iter()
        .chain(env::split_paths(&path))
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .chain(postgres_bins())
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// The directory of PostgreSQL's own programs that a run of the tests is given, where it has that one.
fn given_postgres(name: &str) -> Option<PathBuf> {
    let directory = given("JIT_TEST_POSTGRES_BIN")?;
    let servers = ["postgres", "initdb", "pg_ctl"];
    (servers.contains(&name) && directory.join(name).is_file()).then_some(directory)
}

/// Whether the tests run as root, where some servers have to be told to be somebody else.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// A user's numbers, as `id` tells them.
pub(crate) fn user_and_group(name: &str) -> (u32, u32) {
    let number = |flag| id(&[flag, name]).parse().expect("a numeric id");
    (number("-u"), number("-g"))
}

/// The name of the user who runs the tests.
pub(crate) fn user_name() -> String {
    id(&["-un"])
}

fn id(args: &[&str]) -> String {
    let output = Command::new("id").args(args).output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn given(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn cache() -> PathBuf {
    given("XDG_CACHE_HOME")
        .or_else(|| Some(given("HOME")?.join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("jit-tests")
}

/// Debian keeps each PostgreSQL in a directory of its version; the newest first.
fn postgres_bins() -> Vec<PathBuf> {
    let mut versions: Vec<u32> = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable();
    versions
        .iter()
        .rev()
        .map(|version| format!("/usr/lib/postgresql/{version}/bin").into())
        .collect()
}
