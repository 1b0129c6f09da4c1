//! The private kubeconfig: one cluster, one context, and a user whose credential comes from `jit`.
//!
//! It holds no secret, so it may rest. kubectl calls `jit exec-credential` once at its start and
//! again when the credential ends, so a long watch or tunnel outlives many of them.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{kubeconfig::Cluster, target::Target};
use crate::{
    domain::{
        catalogue::KubernetesResource,
        entitlement::Entitlement,
        environment::Places,
        failure::{Failure, Result},
    },
    platform::{files, keys},
};

/// The private kubeconfig's file, there and up to date. Its name says what is in it, so that two
/// processes with different needs never write over each other; a process that finds it as it should
/// be reads once and writes nothing.
pub(super) fn write(
    entitlement: &Entitlement,
    target: &Target,
    cluster: &KubernetesResource,
    places: &Places,
    plugin: &Path,
) -> Result<PathBuf> {
    let user = user(entitlement, plugin)?;
    let cluster = cluster_entry(cluster, target.own.as_ref(), places)?;
    let text = text(target, &cluster, &user);
    let hash = keys::hex(&keys::sha256(text.as_bytes()));
    let directory = places.cache.join("kubernetes");
    let name = format!(
        "{}.{}.{}",
        entitlement.resource.name(),
        entitlement.role,
        hash.get(..16).unwrap_or_default()
    );
    let file = directory.join(name);
    if files::read_private(&file)?.is_none_or(|found| found != text.as_bytes()) {
        files::private_directory(&directory)?;
        files::write_passing(&file, text.as_bytes())?;
    }
    Ok(file)
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
            "provideClusterInfo": false,
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
    if let Some(text) = authority(cluster, places)? {
        let data = STANDARD.encode(text);
        entry.insert("certificate-authority-data".into(), data.into());
    }
    if let Some(proxy) = own.and_then(|own| own.proxy_url.as_ref()) {
        entry.insert("proxy-url".into(), proxy.clone().into());
    }
    Ok(entry.into())
}

/// The certificate authority, PEM; `None` where the system's serve.
///
/// # Errors
/// Its file is missing or holds something else.
pub(super) fn authority(cluster: &KubernetesResource, places: &Places) -> Result<Option<String>> {
    let file = cluster.certificate_authority.as_ref();
    file.map(|file| authority_file(&places.configuration.join(file)))
        .transpose()
}

fn authority_file(file: &Path) -> Result<String> {
    let shown = file.display();
    let text = files::read_text(file)?.ok_or_else(|| {
        Failure::failed(format!("the certificate authority {shown} is not there"))
            .hint("put it there, or correct certificate_authority in authority.toml")
    })?;
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(
            Failure::failed(format!("{shown} is not a certificate in PEM"))
                .hint("it starts with -----BEGIN CERTIFICATE-----"),
        );
    }
    Ok(text)
}
