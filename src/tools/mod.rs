//! The tools: from a command line to an entitlement, and from a lease to a launch.
//!
//! Each kind has one file here, which knows its tools' own flags, environment and files.

pub mod aws;
pub mod coverage;
pub mod getopt;
pub mod kubernetes;
mod percent;
pub mod postgres;
pub mod ssh;
pub mod task;
pub mod variables;

use task::{Injection, Recognised, Task};

use crate::{
    domain::{
        credential::Secret,
        entitlement::{Entitlement, Kind, ResourceName},
        environment::Places,
        failure::{Failure, Result},
    },
    platform::process::{self, Launch},
};

/// Which entitlement the command needs: named by the user (`--on`, `--role`), or read off the
/// command line, the environment and the tool's own files, just as the tool reads them.
///
/// # Errors
/// Usage, where nothing or something unknown is named; the hint lists what is near. Of the nature of a
/// stranger only where nothing that the catalogue has is reached, or nobody can tell what is.
pub fn recognise(task: &Task<'_>) -> Result<Recognised> {
    let kind = match task.on {
        Some(resource) => Some(resource.kind()),
        None => kind_of(task.program_name()),
    };
    match kind {
        Some(Kind::Ssh) => ssh::recognise(task),
        Some(Kind::Kubernetes) => with_verb(kubernetes::recognise(task), kubernetes::verb(task)),
        Some(Kind::Postgres) => postgres::recognise(task),
        Some(Kind::Aws) => with_verb(aws::recognise(task), aws::verb(task)),
        None => Err(Failure::usage(format!(
            "jit does not know what {:?} connects to",
            task.program_name()
        ))
        .hint("name it: jit exec --on kind/name -- COMMAND")
        .stranger()),
    }
}

fn with_verb(found: Result<Recognised>, verb: Option<String>) -> Result<Recognised> {
    found.map(|found| Recognised { verb, ..found })
}

/// Whether the command reaches nothing, so that it needs no credential: `kubectl config view`,
/// `aws help`, `psql --version`.
pub fn needs_nothing(task: &Task<'_>) -> bool {
    task.on.is_none()
        && match kind_of(task.program_name()) {
            Some(Kind::Kubernetes) => kubernetes::needs_nothing(task),
            Some(Kind::Aws) => aws::needs_nothing(task),
            Some(Kind::Postgres) => postgres::needs_nothing(task),
            Some(Kind::Ssh) | None => false,
        }
}

/// Whether the command could reach, by itself, something that the catalogue has.
pub fn may_be_known(task: &Task<'_>) -> bool {
    let Some(kind) = kind_of(task.program_name()) else {
        return false;
    };
    let only_says = match kind {
        Kind::Ssh => ssh::only_says(task),
        Kind::Postgres | Kind::Kubernetes | Kind::Aws => needs_nothing(task),
    };
    !only_says && task.catalogue.has_kind(kind)
}

/// What the command needs with the hosts of further resources, where it starts ssh by itself.
///
/// # Errors
/// Usage: the command says by itself which host it logs in to, or one of them is unknown.
pub fn with_more_hosts(
    wanted: Recognised,
    task: &Task<'_>,
    more: &[&ResourceName],
) -> Result<Recognised> {
    more.iter().try_fold(wanted, |mut wanted, other| {
        if ssh::names_its_host(task) {
            return Err(Failure::usage(format!(
                "{} logs in to one host, and --on names several resources",
                task.program_name()
            ))
            .hint("leave --on out: the host on its command line says which"));
        }
        let found = recognise(&Task {
            on: Some(other),
            ..*task
        })?;
        for entitlement in [&found.entitlement].into_iter().chain(&found.via) {
            if !wanted.via.contains(entitlement) {
                wanted.via.push(entitlement.clone());
            }
        }
        wanted.also.push(found.entitlement);
        Ok(wanted)
    })
}

/// Refuses a command that would not be run whatever is granted, before anything is asked for.
///
/// # Errors
/// Usage: what the command says keeps the credential from its target.
pub fn refuse_before_asking(task: &Task<'_>, wanted: &Entitlement, places: &Places) -> Result<()> {
    let resource = task.catalogue.resource(&wanted.resource)?;
    kubernetes::refuse_before_asking(task, resource, places)
}

/// Whether a shell asks the tool what a command line could go on with.
pub fn completes(task: &Task<'_>) -> bool {
    kubernetes::completes(task)
}

/// The command with nothing injected.
pub fn as_it_is(task: &Task<'_>) -> Result<Launch> {
    Ok(Launch {
        program: process::find(task.program(), task.environment)?,
        arguments: task.arguments().to_vec(),
        ..Launch::default()
    })
}

/// The kind of resource that a program reaches, where its name alone says so.
fn kind_of(program: &str) -> Option<Kind> {
    match program {
        "ssh" | "scp" | "sftp" | "rsync" | "git" => Some(Kind::Ssh),
        "kubectl" => Some(Kind::Kubernetes),
        "aws" => Some(Kind::Aws),
        program if postgres::is_ours(program) => Some(Kind::Postgres),
        _ => None,
    }
}

/// The tool with the lease's credential injected, ready to replace this process.
///
/// # Errors
/// The tool is missing (127) or cannot be run (126), or a private file cannot be written (125).
pub fn launch(injection: &Injection<'_>) -> Result<Launch> {
    let mut launch = match &injection.lease.credential.secret {
        Secret::SshCertificate(_) => ssh::launch(injection),
        Secret::KubernetesToken(_) => kubernetes::launch(injection),
        Secret::PostgresCertificate { .. } | Secret::PostgresRole { .. } => {
            postgres::launch(injection)
        }
        Secret::AwsSession { .. } => aws::launch(injection),
    }?;
    postgres::without_own_services(injection, &mut launch);
    Ok(launch)
}
