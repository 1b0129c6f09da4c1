//! The private kubeconfig: one cluster, one context, and a user whose credential comes from `jit`.
//!
//! It holds no secret, so it may rest. kubectl calls `jit exec-credential` once at its start and
//! again when the credential ends, so a long watch or tunnel outlives many of them.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use serde_json::{Map, Value, json};

use super::{authorities, kubeconfig::Cluster, target::Target};
use crate::{
    domain::{
        catalogue::KubernetesResource,
        entitlement::Entitlement,
        environment::Places,
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::{files, keys},
};

/// Hexadecimal digits of a digest in the name of a file.
const DIGITS: usize = 16;
/// How long the kubeconfig of a process outlives it, for what it left running.
const KEPT: Duration = Duration::from_hours(24);
/// One process of so many looks for what can be removed.
const SELDOM: u32 = 16;

/// Who uses a private kubeconfig.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// All commands that need the same, none of which writes to it.
    Shared,
    /// This process, and what it becomes.
    OfThisProcess,
}

/// What a private kubeconfig is made from.
pub(super) struct Private<'a> {
    pub(super) entitlement: &'a Entitlement,
    pub(super) target: &'a Target,
    pub(super) cluster: &'a KubernetesResource,
    pub(super) places: &'a Places,
    /// jit's own file.
    pub(super) plugin: &'a Path,
    pub(super) now: Timestamp,
}

impl Private<'_> {
    /// The private kubeconfig's file, there and up to date. Its name says what is in it, so that two
    /// processes with different needs never write over each other; one that shares it and finds it as it
    /// should be reads once and writes nothing.
    pub(super) fn write(&self, sharing: Sharing) -> Result<PathBuf> {
        let Self {
            entitlement,
            cluster,
            places,
            ..
        } = self;
        let user = user(entitlement, self.plugin)?;
        let cluster = cluster_entry(cluster, self.target.own.as_ref(), places)?;
        let text = text(self.target, &cluster, &user);
        let hash = keys::hex(&keys::sha256(text.as_bytes()));
        let directory = places.cache.join("kubernetes");
        let mut name = format!(
            "{}.{}.{}",
            entitlement.resource.name(),
            entitlement.role,
            hash.get(..DIGITS).unwrap_or_default()
        );
        if sharing == Sharing::OfThisProcess {
            name = format!("{name}.{}", process::id());
        }
        let file = directory.join(name);
        if files::read_private(&file)?.is_none_or(|found| found != text.as_bytes()) {
            files::private_directory(&directory)?;
            files::write_passing(&file, text.as_bytes())?;
            if sharing == Sharing::OfThisProcess && process::id().is_multiple_of(SELDOM) {
                sweep(&directory, self.now);
            }
        }
        Ok(file)
    }
}

/// Removes the kubeconfigs of processes that ended a day ago or longer.
fn sweep(directory: &Path, now: Timestamp) {
    for file in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = file.file_name();
        let of_process = name.to_str().and_then(process_of);
        let has_ended = of_process.is_some_and(|id| test_kill_process(id) == Err(Errno::SRCH));
        let written = || file.metadata().map(|metadata| metadata.mtime());
        if has_ended && written().is_ok_and(|at| Timestamp::from_secs(at) < now.before(KEPT)) {
            drop(files::remove(&file.path()));
        }
    }
}

/// The process in the name of a kubeconfig of its own: `prod.view.0123456789abcdef.4711`.
fn process_of(name: &str) -> Option<Pid> {
    let (rest, id) = name.rsplit_once('.')?;
    let (_, hash) = rest.rsplit_once('.')?;
    let is_hash = hash.len() == DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = id.parse().ok().filter(|_| is_hash)?;
    Pid::from_raw(id)
}

/// JSON, which is YAML.
fn text(target: &Target, cluster: &Value, user: &Value) -> String {
    let mut context = Map::new();
    context.insert("cluster".into(), target.cluster.clone().into());
    context.insert("user".into(), "jit".into());
    if let Some(namespace) = &target.namespace {
        context.insert("namespace".into(), namespace.clone().into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": target.context,
        "contexts": [{ "name": target.context, "context": context }],
        "clusters": [{ "name": target.cluster, "cluster": cluster }],
        "users": [{ "name": "jit", "user": user }],
    })
    .to_string()
}

fn user(entitlement: &Entitlement, plugin: &Path) -> Result<Value> {
    let plugin = plugin.to_str().ok_or_else(|| {
        Failure::failed(format!("{} is not UTF-8", plugin.display()))
            .hint("install jit where the path is plain text: a kubeconfig cannot name it")
    })?;
    Ok(json!({
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": plugin,
            "args": ["exec-credential", entitlement.to_string()],
            "interactiveMode": "Never",
            "provideClusterInfo": true,
            "installHint": "jit was moved or removed; install it again",
        }
    }))
}

/// The cluster: all that says who may be given the credential comes from the catalogue, the proxy that
/// leads there from the user's own entry for the same address. Another certificate authority, another
/// name in the certificate or no verification is not taken over: each would hand the credential to
/// whoever answers.
fn cluster_entry(
    cluster: &KubernetesResource,
    own: Option<&Cluster>,
    places: &Places,
) -> Result<Value> {
    let mut entry = Map::new();
    entry.insert("server".into(), cluster.server.clone().into());
    if let Some(text) = authorities::of(cluster, places)? {
        let data = STANDARD.encode(text);
        entry.insert("certificate-authority-data".into(), data.into());
    }
    if let Some(name) = &cluster.tls_server_name {
        entry.insert("tls-server-name".into(), name.clone().into());
    }
    if let Some(proxy) = own.and_then(|own| own.proxy_url.as_ref()) {
        entry.insert("proxy-url".into(), proxy.clone().into());
    }
    Ok(entry.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubeconfig_of_a_process_goes_a_day_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let own = format!("prod.view.0123456789abcdef.{}", process::id());
        // No process has the largest id that there could be.
        let ended = "prod.view.0123456789abcdef.2147483647";
        let shared = "prod.view.0123456789abcdef";
        for name in [&own, ended, shared] {
            files::write_private(&directory.path().join(name), b"{}").unwrap();
        }
        let written = fs::metadata(directory.path().join(ended)).unwrap().mtime();
        let left = |after: Duration| {
            sweep(directory.path(), Timestamp::from_secs(written).after(after));
            directory.path().join(ended).exists()
        };
        assert!(left(Duration::from_hours(23)));
        assert!(!left(Duration::from_hours(25)));
        for name in [&own, shared] {
            assert!(directory.path().join(name).exists(), "{name}");
        }
    }
}
