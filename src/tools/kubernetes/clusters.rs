//! The clusters of the catalogue: found by a context or a server, and listed where none is.

use super::kubeconfig::Kubeconfig;
use crate::{
    domain::{
        catalogue::{Catalogue, KubernetesResource, Resource},
        entitlement::{Kind, ResourceName},
        failure::{Failure, Result, did_you_mean, listed},
    },
    tools::task::Task,
};

/// The one cluster with that context, if there is one.
pub(super) fn by_context(task: &Task<'_>, context: &str) -> Result<Option<ResourceName>> {
    single(task, &format!("the context {context:?}"), |cluster| {
        cluster.contexts.contains(context)
    })
}

/// The one cluster with that server, if there is one.
pub(super) fn by_server(task: &Task<'_>, server: &str) -> Result<Option<ResourceName>> {
    single(task, &format!("the server {server:?}"), |cluster| {
        same_server(&cluster.server, server)
    })
}

/// The one cluster of the catalogue that fits.
fn single(
    task: &Task<'_>,
    what: &str,
    fits: impl Fn(&KubernetesResource) -> bool,
) -> Result<Option<ResourceName>> {
    let found: Vec<&ResourceName> = clusters(task.catalogue)
        .filter(|(_, cluster)| fits(cluster))
        .map(|(name, _)| name)
        .collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).clone())),
        [first, ..] => {
            let names: Vec<String> = found.iter().map(ToString::to_string).collect();
            Err(
                Failure::usage(format!("{what} is that of {}", names.join(" and ")))
                    .hint(format!("say which: --on {first}")),
            )
        }
    }
}

/// The clusters of the catalogue.
pub fn clusters(
    catalogue: &Catalogue,
) -> impl Iterator<Item = (&ResourceName, &KubernetesResource)> {
    let resources = catalogue.of_kind(Kind::Kubernetes);
    resources.filter_map(|(name, resource)| match resource {
        Resource::Kubernetes(cluster) => Some((name, cluster)),
        Resource::Ssh(_) | Resource::Postgres(_) | Resource::Aws(_) => None,
    })
}

/// The error of a context that is nobody's, with the nearest ones.
pub(super) fn unknown_context(task: &Task<'_>, kubeconfig: &Kubeconfig, name: &str) -> Failure {
    let ours = clusters(task.catalogue).flat_map(|(_, cluster)| &cluster.contexts);
    let theirs = kubeconfig.contexts.keys();
    let near = did_you_mean(
        name,
        ours.chain(theirs)
            .map(String::as_str)
            .filter(|near| *near != name),
    );
    let mut failure = unknown(task, format!("the context {name:?} is no resource"));
    failure.hint = format!("{near}{}", failure.hint);
    failure
}

/// An error whose hint lists the clusters with their contexts.
pub(super) fn unknown(task: &Task<'_>, message: String) -> Failure {
    let known: Vec<String> = clusters(task.catalogue)
        .map(|(name, cluster)| {
            let contexts: Vec<&str> = cluster.contexts.iter().map(String::as_str).collect();
            if contexts.is_empty() {
                name.to_string()
            } else {
                format!("{name} (context {})", contexts.join(", "))
            }
        })
        .collect();
    let hint = if known.is_empty() {
        "the catalogue has no cluster: \"jit init\" proposes one".to_owned()
    } else {
        format!(
            "name one with --context or --on: {}",
            listed("", known.iter().map(String::as_str))
        )
    };
    Failure::usage(message).hint(hint).stranger()
}

/// Whether two URLs are the same API server: the same scheme, host, port and path.
pub fn same_server(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

fn normal(url: &str) -> String {
    let (scheme, rest) = url
        .trim()
        .split_once("://")
        .unwrap_or_else(|| ("https", url.trim()));
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.trim_end_matches('/');
    let (host, path) = match rest.split_once('/') {
        Some((host, path)) => (host, path),
        None => (rest, ""),
    };
    let host = host.to_ascii_lowercase();
    let usual = if scheme == "http" { ":80" } else { ":443" };
    let host = host.strip_suffix(usual).unwrap_or(&host);
    format!("{scheme}://{host}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_the_same_however_they_are_written() {
        for other in [
            "https://API.example.com",
            "api.example.com",
            "https://api.example.com:443/",
            "HTTPS://api.example.com//",
        ] {
            assert!(same_server("https://api.example.com", other), "{other}");
        }
        for other in [
            "",
            "http://api.example.com",
            "https://api.example.com:6443",
            "https://api.example.com/k8s",
            "https://api.example.com.evil",
        ] {
            assert!(!same_server("https://api.example.com", other), "{other}");
        }
    }
}
