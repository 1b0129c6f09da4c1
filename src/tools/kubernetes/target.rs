//! Which cluster a command means: from flags, the kubeconfig and the catalogue.

use super::{
    argv::Arguments,
    clusters::{
        by_context, by_server, same_server, unknown, unknown_context, with_context, with_server,
    },
    flags::{self, elsewhere},
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
    match task.on {
        Some(on) if !flags::of_program(task.program_name()).are_in(arguments) => {
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
        None => own_context(&kubeconfig, &resource, cluster),
    };
    let own_context = kubeconfig.contexts.get(&context);
    let own_cluster = own_context.map(|context| context.cluster.as_str());
    let name = arguments.value("cluster").or(own_cluster);
    let own = name.and_then(|name| kubeconfig.clusters.get(name));
    let own = own.filter(|own| same_server(&own.server, &cluster.server));
    // A namespace of another cluster means nothing here, unless a flag takes its context here.
    let redirects = arguments.has("cluster") || arguments.has("server");
    let namespace = own_context.filter(|_| own.is_some() || redirects);
    Ok(Target {
        namespace: namespace.and_then(|context| context.namespace.clone()),
        own: own.cloned(),
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
    // Names such as "default" and "admin" are everywhere: what a context reaches is what counts, and a
    // name is believed only where the kubeconfig does not have it.
    if !kubeconfig.contexts.contains_key(name) {
        let found = by_context(task, name)?;
        return found.ok_or_else(|| unknown_context(task, kubeconfig, name));
    }
    let Some(server) = server_of(kubeconfig, name) else {
        return Err(unknown(task, format!("the context {name:?} has no server")));
    };
    match by_server(task, server) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(unknown_server(task, name, server)),
        // Of several resources with one server, the one that lists the name.
        Err(several) => listed_at(task, name, server).ok_or(several),
    }
}

/// The resource that lists the context, where it has that server.
fn listed_at(task: &Task<'_>, context: &str, server: &str) -> Option<ResourceName> {
    let all = with_server(task.catalogue, server);
    let mut all = all.into_iter();
    let found = all.find(|(_, cluster)| cluster.contexts.contains(context));
    found.map(|(name, _)| name.clone())
}

/// The error of a context that reaches no cluster of the catalogue, whatever it is called.
fn unknown_server(task: &Task<'_>, context: &str, server: &str) -> Failure {
    let what = format!("the context {context:?} reaches {server:?}, which is no resource");
    let failure = unknown(task, what);
    match with_context(task.catalogue, context).first() {
        Some((name, cluster)) => failure.hint(format!(
            "{name} has the server {}; to reach it, say --on {name} and leave the context out",
            cluster.server
        )),
        None => failure,
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
    let flags = flags::of_program(task.program_name());
    flags.refuse_credentials(arguments)?;
    flags.refuse_elsewhere(arguments, resource, cluster)?;
    let named = arguments
        .value("cluster")
        .filter(|_| flags.server == "server");
    if let Some(own) = named.and_then(|name| kubeconfig.clusters.get(name))
        && !same_server(&own.server, &cluster.server)
    {
        let what = format!("--cluster names {:?}", named.unwrap_or_default());
        return Err(elsewhere(&what, resource));
    }
    let redirects = named.is_some() || arguments.value(flags.server).is_some();
    match named_context(arguments) {
        Some(name) if task.on.is_some() && !redirects => {
            refuse_other_context(task, name, kubeconfig, resource, cluster)
        }
        _ => Ok(()),
    }
}

/// Refuses a context that reaches another cluster than `--on` names, or is another resource's.
fn refuse_other_context(
    task: &Task<'_>,
    context: &str,
    kubeconfig: &Kubeconfig,
    resource: &ResourceName,
    cluster: &KubernetesResource,
) -> Result<()> {
    let server = server_of(kubeconfig, context);
    let means = |cluster: &KubernetesResource| match server {
        Some(server) => same_server(server, &cluster.server),
        None => cluster.contexts.contains(context),
    };
    if means(cluster) {
        return Ok(());
    }
    let others = match server {
        Some(server) => with_server(task.catalogue, server),
        None => with_context(task.catalogue, context),
    };
    match (others.first(), server) {
        (Some((other, _)), _) => {
            let what = format!("the context {context:?} is {other}'s");
            Err(elsewhere(&what, resource))
        }
        (None, Some(server)) => {
            let what = format!("the context {context:?} reaches {server:?}");
            Err(elsewhere(&what, resource))
        }
        (None, None) => Ok(()),
    }
}

/// The context to use where the command names none: the current one or else another that means the
/// resource; the catalogue's or the resource's own name where the kubeconfig has none.
fn own_context(
    kubeconfig: &Kubeconfig,
    resource: &ResourceName,
    cluster: &KubernetesResource,
) -> String {
    let reaches = |name: &&String| {
        let server = server_of(kubeconfig, name);
        server.is_some_and(|server| same_server(server, &cluster.server))
    };
    let current = kubeconfig.current.iter();
    let known = current.chain(kubeconfig.contexts.keys()).find(reaches);
    known
        .or_else(|| cluster.contexts.first())
        .map_or_else(|| resource.name().to_owned(), Clone::clone)
}

fn server_of<'a>(kubeconfig: &'a Kubeconfig, context: &str) -> Option<&'a str> {
    let cluster = &kubeconfig.contexts.get(context)?.cluster;
    Some(&kubeconfig.clusters.get(cluster)?.server)
}
