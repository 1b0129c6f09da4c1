//! Which cluster a command means: from flags, the kubeconfig and the catalogue.

use super::{
    argv::Arguments,
    clusters::{by_context, by_server, clusters, same_server, unknown, unknown_context},
    kubeconfig::{self, Cluster, Kubeconfig},
};
use crate::{
    domain::{
        catalogue::{KubernetesResource, Resource},
        entitlement::ResourceName,
        failure::{Failure, Result, did_you_mean},
    },
    tools::task::Task,
};

/// The cluster that a command means, and how it calls it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The resource.
    pub(super) resource: ResourceName,
    /// The context's name, so that `--context` on the command line finds it.
    pub(super) context: String,
    /// The cluster's name, so that `--cluster` on the command line finds it.
    pub(super) cluster: String,
    /// The namespace of the user's own context.
    pub(super) namespace: Option<String>,
    /// The user's own entry for the same API server, if there is one.
    pub(super) own: Option<Cluster>,
}

/// The flags of a program that bring a credential, and those that name an API server. What other
/// programs call so may be anything else.
fn flags_of(program: &str) -> (&'static str, &'static str) {
    match program {
        "kubectl" => (
            "token username password client-certificate client-key user",
            "server",
        ),
        "helm" => ("kube-token", "kube-apiserver"),
        _ => ("", ""),
    }
}

/// What `--context` (kubectl, k9s, …) or `--kube-context` (helm) names.
fn named_context(arguments: &Arguments) -> Option<&str> {
    arguments
        .value("context")
        .or_else(|| arguments.value("kube-context"))
}

/// Only the resource: with `--on`, and no flag that could contradict it, no file is read for that.
///
/// # Errors
/// As [`of`].
pub(super) fn resource(task: &Task<'_>, arguments: &Arguments) -> Result<ResourceName> {
    let (credentials, servers) = flags_of(task.program_name());
    let mut flags = ["context kube-context cluster", credentials, servers]
        .into_iter()
        .flat_map(str::split_whitespace);
    let contradicts = |flag| arguments.value(flag).is_some();
    match task.on {
        Some(on) if !flags.any(contradicts) => {
            task.catalogue.resource(on)?;
            Ok(on.clone())
        }
        _ => Ok(of(task, arguments)?.resource),
    }
}

/// The cluster that the command means.
///
/// # Errors
/// Usage: nothing or something unknown is named, or two things that do not belong together.
pub(super) fn of(task: &Task<'_>, arguments: &Arguments) -> Result<Target> {
    let kubeconfig = kubeconfig::load(task.environment, arguments.value("kubeconfig"))?;
    let resource = match task.on {
        Some(on) => on.clone(),
        None => meant(task, arguments, &kubeconfig)?,
    };
    let Resource::Kubernetes(cluster) = task.catalogue.resource(&resource)? else {
        return Err(unknown(task, format!("{resource} is not a cluster")));
    };
    refuse_other(task, arguments, &kubeconfig, &resource, cluster)?;
    let context = match named_context(arguments) {
        Some(name) => name.to_owned(),
        None => own_context(task, &kubeconfig, &resource, cluster),
    };
    let own_context = kubeconfig.contexts.get(&context);
    let own_cluster = own_context.map(|context| context.cluster.as_str());
    let name = arguments.value("cluster").or(own_cluster);
    let own = name.and_then(|name| kubeconfig.clusters.get(name));
    Ok(Target {
        namespace: own_context.and_then(|context| context.namespace.clone()),
        own: own
            .filter(|own| same_server(&own.server, &cluster.server))
            .cloned(),
        cluster: name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| resource.name())
            .to_owned(),
        context,
        resource,
    })
}

/// The resource that the flags and the kubeconfig mean.
fn meant(task: &Task<'_>, arguments: &Arguments, kubeconfig: &Kubeconfig) -> Result<ResourceName> {
    if let Some(server) = arguments.value("server") {
        let found = by_server(task, server)?;
        return found
            .ok_or_else(|| unknown(task, format!("no resource has the server {server:?}")));
    }
    if let Some(name) = arguments.value("cluster") {
        let Some(cluster) = kubeconfig.clusters.get(name) else {
            let near = did_you_mean(name, kubeconfig.clusters.keys().map(String::as_str));
            return Err(
                Failure::usage(format!("the kubeconfig has no cluster {name:?}"))
                    .hint(format!("{near}\"kubectl config get-clusters\" lists them"))
                    .stranger(),
            );
        };
        let found = by_server(task, &cluster.server)?;
        return found.ok_or_else(|| unknown(task, format!("the cluster {name:?} is no resource")));
    }
    let named = named_context(arguments).or(kubeconfig.current.as_deref());
    let Some(name) = named else {
        return Err(unknown(task, "no context is named or current".to_owned()));
    };
    let here = by_context(task, name)?;
    let there = match server_of(kubeconfig, name) {
        Some(server) => by_server(task, server)?,
        None => None,
    };
    match (here, there) {
        // Names such as "default" and "admin" are everywhere; what they reach is what counts.
        (Some(here), Some(there)) if here != there => Err(Failure::usage(format!(
            "the context {name:?} is {here}'s, but its cluster in the kubeconfig is {there}"
        ))
        .hint(format!("say which: --on {here} or --on {there}"))),
        (Some(found), _) | (None, Some(found)) => Ok(found),
        (None, None) => Err(unknown_context(task, kubeconfig, name)),
    }
}

/// Refuses flags that would take the credential elsewhere, or leave it unused.
fn refuse_other(
    task: &Task<'_>,
    arguments: &Arguments,
    kubeconfig: &Kubeconfig,
    resource: &ResourceName,
    cluster: &KubernetesResource,
) -> Result<()> {
    let (credentials, servers) = flags_of(task.program_name());
    refuse_credentials(arguments, credentials)?;
    let elsewhere = |what: String| {
        Err(Failure::usage(format!(
            "{what}, and the credential would be for {resource}"
        ))
        .hint("leave one of them out"))
    };
    for flag in servers.split_whitespace() {
        match arguments.value(flag) {
            Some(server) if !same_server(server, &cluster.server) => {
                return elsewhere(format!("--{flag} names {server:?}"));
            }
            // client-go takes what has neither a scheme nor an authority for plain HTTP.
            Some(server) if !server.contains("://") && cluster.certificate_authority.is_none() => {
                return Err(Failure::usage(format!(
                    "--{flag} {server} would send the credential in the clear"
                ))
                .hint(format!(
                    "write --{flag} {}, or leave it out",
                    cluster.server
                )));
            }
            _ => {}
        }
    }
    let named = arguments.value("cluster").filter(|_| servers == "server");
    if let Some(own) = named.and_then(|name| kubeconfig.clusters.get(name))
        && !same_server(&own.server, &cluster.server)
    {
        return elsewhere(format!("--cluster names {:?}", named.unwrap_or_default()));
    }
    if let (Some(on), Some(name)) = (task.on, named_context(arguments)) {
        let server = server_of(kubeconfig, name);
        let means = |cluster: &KubernetesResource| {
            let same = server.is_some_and(|server| same_server(server, &cluster.server));
            same || cluster.contexts.contains(name)
        };
        let other =
            clusters(task.catalogue).find(|(other, cluster)| *other != on && means(cluster));
        if let Some((other, _)) = other.filter(|_| !means(cluster)) {
            return elsewhere(format!("the context {name:?} is {other}'s"));
        }
    }
    Ok(())
}

/// The flags that bring a credential of their own. `--user` is another thing in `create` and `set`:
/// the subject of a role binding.
fn refuse_credentials(arguments: &Arguments, credentials: &str) -> Result<()> {
    let binds = matches!(arguments.verb(), Some("create" | "set"));
    let found = credentials
        .split_whitespace()
        .find(|flag| arguments.value(flag).is_some() && !(binds && *flag == "user"));
    found.map_or(Ok(()), |flag| {
        Err(
            Failure::usage(format!("--{flag} brings a credential of its own")).hint(format!(
                "leave --{flag} out, and jit brings one; or run the command without jit"
            )),
        )
    })
}

/// The context to use where the command names none: the current one or else another that means the
/// resource; the catalogue's or the resource's own name where the kubeconfig has none.
fn own_context(
    task: &Task<'_>,
    kubeconfig: &Kubeconfig,
    resource: &ResourceName,
    cluster: &KubernetesResource,
) -> String {
    let means = |name: &&String| {
        let server = server_of(kubeconfig, name);
        let same = server.is_some_and(|server| same_server(server, &cluster.server));
        let listed = cluster.contexts.contains(*name);
        same || listed && matches!(by_context(task, name), Ok(Some(found)) if found == *resource)
    };
    let current = kubeconfig.current.iter();
    let known = current.chain(kubeconfig.contexts.keys()).find(means);
    known
        .or_else(|| cluster.contexts.first())
        .map_or_else(|| resource.name().to_owned(), Clone::clone)
}

fn server_of<'a>(kubeconfig: &'a Kubeconfig, context: &str) -> Option<&'a str> {
    let cluster = &kubeconfig.contexts.get(context)?.cluster;
    Some(&kubeconfig.clusters.get(cluster)?.server)
}
