//! The clusters of the catalogue: found by a context or a server, and listed where none is.

use super::kubeconfig::Kubeconfig;
use crate::{
    domain::{
        catalogue::{Catalogue, KubernetesResource, Resource},
        entitlement::{Kind, ResourceName},
        failure::{Failure, Result, did_you_mean, listed},
        lookup::{Key, Named, normal_server},
    },
    tools::task::Task,
};

/// A cluster with the name of its resource.
pub(super) type Found<'a> = (&'a ResourceName, &'a KubernetesResource);

/// The one cluster with that context, if there is one.
pub(super) fn by_context(task: &Task<'_>, context: &str) -> Result<Option<ResourceName>> {
    let found = with_context(task.catalogue, context);
    single(&format!("the context {context:?}"), &found)
}

/// The one cluster with that server, if there is one.
pub(super) fn by_server(task: &Task<'_>, server: &str) -> Result<Option<ResourceName>> {
    let found = with_server(task.catalogue, server);
    single(&format!("the server {server:?}"), &found)
}

/// The one of these, if there is one.
fn single(what: &str, found: &[Found<'_>]) -> Result<Option<ResourceName>> {
    match found {
        [] => Ok(None),
        [(one, _)] => Ok(Some((*one).clone())),
        [(first, _), ..] => {
            let names: Vec<String> = found.iter().map(|(name, _)| name.to_string()).collect();
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
    resources.filter_map(of_kubernetes)
}

/// The clusters of the catalogue with that server.
pub(super) fn with_server<'a>(catalogue: &'a Catalogue, server: &str) -> Vec<Found<'a>> {
    let server = normal_server(server);
    with_key(
        catalogue,
        |key| matches!(key, Key::Server(own) if *own == server),
    )
}

/// The clusters of the catalogue with that context.
pub(super) fn with_context<'a>(catalogue: &'a Catalogue, context: &str) -> Vec<Found<'a>> {
    with_key(
        catalogue,
        |key| matches!(key, Key::Context(own) if own == context),
    )
}

fn with_key(catalogue: &Catalogue, fits: impl Fn(&Key<'_>) -> bool) -> Vec<Found<'_>> {
    let found = catalogue.found(Kind::Kubernetes, fits);
    found.into_iter().filter_map(of_kubernetes).collect()
}

fn of_kubernetes((name, resource): Named<'_>) -> Option<Found<'_>> {
    match resource {
        Resource::Kubernetes(cluster) => Some((name, cluster)),
        Resource::Ssh(_) | Resource::Postgres(_) | Resource::Aws(_) => None,
    }
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
    normal_server(one) == normal_server(other)
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
