//! kubectl, and every other program that speaks to a cluster through a kubeconfig.

mod argv;
pub mod authorities;
mod clusters;
mod completion;
mod exec_credential;
mod flags;
pub mod kubeconfig;
mod kuberc;
mod objects;
mod plugin;
mod private;
mod question;
mod smallest;
mod subcommands;
mod target;
#[cfg(test)]
mod tests;
pub mod users;
mod verbs;

pub use clusters::{clusters, same_server};
pub use exec_credential::exec_credential;
pub use plugin::{check, wanted};
pub use question::Question;
pub use smallest::reading;

use std::ffi::OsString;

use argv::Arguments;
use private::Sharing;
use smallest::smallest;
use verbs::Deed;

use super::{
    coverage,
    task::{Injection, Recognised, Task},
    variables,
};
use crate::{
    domain::{
        catalogue::{KubernetesResource, Resource},
        environment::Places,
        failure::{Failure, Result},
    },
    platform::process::{self, Launch},
};

/// What a launch may set. `KUBE_CONFIG_PATH` is what Terraform's providers read instead of
/// `KUBECONFIG`; `JIT_CONFIG_DIR` lets the plugin find the configuration that this process has.
const ALLOWED: &[&str] = &["KUBECONFIG", "KUBE_CONFIG_PATH", "JIT_CONFIG_DIR"];

/// What would name another cluster or bring another credential past the private kubeconfig: helm's,
/// Terraform's (`KUBE_`) and Ansible's (`K8S_AUTH_`) variables.
const UNSET: &[&str] = &[
    "HELM_KUBEAPISERVER",
    "HELM_KUBECAFILE",
    "HELM_KUBECONTEXT",
    "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_KUBETOKEN",
    "K8S_AUTH_API_KEY",
    "K8S_AUTH_CERT_FILE",
    "K8S_AUTH_CONTEXT",
    "K8S_AUTH_HOST",
    "K8S_AUTH_KEY_FILE",
    "K8S_AUTH_KUBECONFIG",
    "K8S_AUTH_PASSWORD",
    "K8S_AUTH_USERNAME",
    "KUBE_CLIENT_CERT_DATA",
    "KUBE_CLIENT_KEY_DATA",
    "KUBE_CLUSTER_CA_CERT_DATA",
    "KUBE_CONFIG_PATH",
    "KUBE_CONFIG_PATHS",
    "KUBE_CTX",
    "KUBE_CTX_AUTH_INFO",
    "KUBE_CTX_CLUSTER",
    "KUBE_HOST",
    "KUBE_INSECURE",
    "KUBE_PASSWORD",
    "KUBE_TLS_SERVER_NAME",
    "KUBE_TOKEN",
    "KUBE_USER",
];

/// Whether the command speaks to no cluster and needs no credential: `kubectl config`, `--help`.
pub fn needs_nothing(task: &Task<'_>) -> bool {
    task.program_name() == "kubectl"
        && match completion::of(task.arguments()) {
            Some(completion) => completion.stays_here(),
            None => read(task).is_ok_and(|read| verbs::of_kubectl(&read.1) == Deed::Local),
        }
}

/// Whether a shell asks for words to complete a command line: nobody is to be asked for anything then.
pub fn completes(task: &Task<'_>) -> bool {
    task.program_name() == "kubectl" && completion::of(task.arguments()).is_some()
}

/// kubectl's verb, for policies.
pub fn verb(task: &Task<'_>) -> Option<String> {
    let (_, arguments) = read(task).ok()?;
    let verb = arguments
        .verb()
        .filter(|_| task.program_name() == "kubectl");
    verb.map(str::to_owned)
}

/// The arguments with kubectl's aliases and defaults put in, and what they say.
///
/// # Errors
/// The file of the aliases and defaults cannot be read, and kubectl would not do without it.
fn read(task: &Task<'_>) -> Result<(Vec<OsString>, Arguments)> {
    let arguments = match task.program_name() {
        "kubectl" => kuberc::resolved(task)?,
        _ => task.arguments().to_vec(),
    };
    let read = Arguments::read(&arguments);
    Ok((arguments, read))
}

/// Which entitlement the command needs: the cluster that its context means, and the smallest role
/// that covers its verb.
///
/// # Errors
/// Usage: an unknown context, an unknown verb, no role that covers it, or a command that needs none.
pub fn recognise(task: &Task<'_>) -> Result<Recognised> {
    let (_, arguments) = read(task)?;
    let program = task.program_name();
    let deed = match program {
        "kubectl" => verbs::of_kubectl(&arguments),
        "helm" => verbs::of_helm(&arguments, task.environment.text("HELM_DRIVER")),
        _ => Deed::Needs(verbs::of_unknown(program)),
    };
    if deed == Deed::Local {
        return Err(
            Failure::usage("this command speaks to no cluster, so it needs no access")
                .hint("run it without jit"),
        );
    }
    let resource = target::resource(task, &arguments)?;
    if let Some(named) = coverage::named(task, &resource)? {
        return Ok(named);
    }
    match deed {
        Deed::Needs(need) => smallest(task.catalogue, &resource, &need.says, |name, verbs| {
            verbs::covers(name, verbs, &need)
        }),
        // A plugin's verb or an alias: a role may list it among its verbs; nothing is guessed.
        Deed::Local | Deed::Unknown => {
            let verb = arguments.verb().unwrap_or_default();
            let says = format!("{verb:?} is not a verb that jit knows");
            let found = smallest(task.catalogue, &resource, &says, |_, verbs| {
                verbs::listed(verbs, verb)
            });
            found.map_err(|failure| {
                if is_plugin(task, &arguments) {
                    failure.stranger()
                } else {
                    failure
                }
            })
        }
    }
}

/// Whether kubectl would run another program for this verb, as it looks them up (kubectl's
/// `pkg/cmd/plugin.go`): what that one reaches, nobody can tell.
fn is_plugin(task: &Task<'_>, arguments: &Arguments) -> bool {
    let mut name = task.program_name().to_owned();
    name == "kubectl"
        && arguments.words.iter().take(2).any(|word| {
            name = format!("{name}-{}", word.replace('-', "_"));
            !name.contains('/') && process::find(name.as_ref(), task.environment).is_ok()
        })
}

/// Whether the command only reads its kubeconfig: what kubectl itself runs does. Any other program, a
/// shell above all, may change its own (`kubectl config set-context --current`), and nobody else's.
fn sharing(task: &Task<'_>, arguments: &Arguments) -> Sharing {
    let is_kubectl = task.program_name() == "kubectl";
    match verbs::of_kubectl(arguments) {
        Deed::Needs(_) if is_kubectl => Sharing::Shared,
        Deed::Needs(_) | Deed::Local | Deed::Unknown => Sharing::OfThisProcess,
    }
}

/// Refuses a command that trusts other certificate authorities than the catalogue names, before anything is
/// asked for.
///
/// # Errors
/// Usage: it does. Failed: a certificate authority cannot be read.
pub fn refuse_before_asking(task: &Task<'_>, resource: &Resource, places: &Places) -> Result<()> {
    match resource {
        Resource::Kubernetes(cluster) => {
            refuse_other_authority(task, &read(task)?.1, cluster, places)
        }
        Resource::Ssh(_) | Resource::Postgres(_) | Resource::Aws(_) => Ok(()),
    }
}

fn refuse_other_authority(
    task: &Task<'_>,
    arguments: &Arguments,
    cluster: &KubernetesResource,
    places: &Places,
) -> Result<()> {
    flags::of_program(task.program_name()).refuse_other_authority(
        arguments,
        cluster,
        task.environment,
        places,
    )
}

/// The program with a private kubeconfig, and with nothing that leads past it.
///
/// # Errors
/// The program is missing (127) or cannot be run (126); the private file cannot be written, or the
/// certificate authority cannot be read (125).
pub fn launch(injection: &Injection<'_>) -> Result<Launch> {
    let task = &injection.task;
    let entitlement = &injection.lease.grant.entitlement;
    let Resource::Kubernetes(cluster) = injection.resource else {
        return Err(Failure::failed(format!(
            "{entitlement} is not in a cluster"
        )));
    };
    let (written, arguments) = read(task)?;
    let on = Task {
        on: task.on.or(Some(&entitlement.resource)),
        ..*task
    };
    let target = target::of(&on, &arguments)?;
    refuse_other_authority(task, &arguments, cluster, injection.places)?;
    let private = private::Private {
        entitlement,
        target: &target,
        cluster,
        places: injection.places,
        plugin: &process::own_file()?,
        now: injection.now,
    };
    let file = private.write(sharing(task, &arguments))?;
    let program = task.command.first().map(OsString::as_os_str);
    let mut launch = Launch {
        program: process::find(program.unwrap_or_default(), task.environment)?,
        arguments: arguments.with_value(&written, "kubeconfig", &file),
        unset: UNSET.iter().map(ToString::to_string).collect(),
        ..Launch::default()
    };
    let configuration = task
        .environment
        .directory
        .join(&injection.places.configuration);
    variables::set(&mut launch, ALLOWED, "JIT_CONFIG_DIR", configuration)?;
    variables::set(&mut launch, ALLOWED, "KUBECONFIG", &file)?;
    if task.program_name() != "kubectl" {
        variables::set(&mut launch, ALLOWED, "KUBE_CONFIG_PATH", &file)?;
    }
    Ok(launch)
}
