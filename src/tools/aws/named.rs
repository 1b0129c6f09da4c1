//! Which profile and which account a command names, whatever it does there.

use super::argv::Arguments;
use crate::{
    domain::{
        catalogue::{AwsResource, Resource},
        entitlement::{Kind, ResourceName},
        failure::{Failure, Result},
        lookup::{Key, Named},
    },
    tools::task::Task,
};

/// Whether the program is the aws CLI.
pub(super) fn is_cli(task: &Task<'_>) -> bool {
    task.program_name() == "aws"
}

/// The profile that the command names, or else the environment.
pub(super) fn profile_name(task: &Task<'_>, arguments: &Arguments) -> Result<Option<String>> {
    if arguments.profile.is_some() {
        return Ok(arguments.profile.clone());
    }
    // Version 1 of the CLI prefers the one, version 2 and the SDKs the other.
    let variables = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];
    let [named, default] = variables.map(|variable| task.environment.text(variable));
    match (named, default) {
        (Some(named), Some(default)) if named != default => {
            let failure = Failure::usage(format!(
                "AWS_PROFILE names {named:?} and AWS_DEFAULT_PROFILE {default:?}"
            ))
            .hint("unset one of them, or name the profile with --profile");
            let is_ours = |profile: &str| !with_profile(task, profile).is_empty();
            Err(if is_ours(named) || is_ours(default) {
                failure
            } else {
                failure.stranger()
            })
        }
        _ => Ok(named.or(default).map(ToOwned::to_owned)),
    }
}

/// The accounts of the catalogue.
pub(super) fn accounts<'a>(
    task: &Task<'a>,
) -> impl Iterator<Item = (&'a ResourceName, &'a AwsResource)> + use<'a> {
    task.catalogue.of_kind(Kind::Aws).filter_map(of_aws)
}

/// The accounts of the catalogue with that profile.
pub(super) fn with_profile<'a>(
    task: &Task<'a>,
    profile: &str,
) -> Vec<(&'a ResourceName, &'a AwsResource)> {
    let fits = |key: &Key<'_>| matches!(key, Key::Profile(own) if own == profile);
    let found = task.catalogue.found(Kind::Aws, fits);
    found.into_iter().filter_map(of_aws).collect()
}

fn of_aws((name, resource): Named<'_>) -> Option<(&ResourceName, &AwsResource)> {
    match resource {
        Resource::Aws(account) => Some((name, account)),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Postgres(_) => None,
    }
}
