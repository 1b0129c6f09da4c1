//! From a command line to the account that it reaches and the smallest role that it needs.

use super::{
    alias::{self, Resolved},
    argv::Arguments,
    named::{accounts, is_cli, profile_name, with_profile},
    operations::{self, Deed, Need},
    private,
};
use crate::{
    domain::{
        catalogue::Resource,
        entitlement::ResourceName,
        failure::{Failure, Result, did_you_mean, listed},
    },
    tools::{
        coverage::{self, Candidate, Coverage},
        task::{CredentialUse, Recognised, Task},
    },
};

/// Whether the command speaks to no account and needs no credential: `aws configure`, `aws help`.
pub fn needs_nothing(task: &Task<'_>) -> bool {
    is_cli(task) && read(task).1 == Deed::Local
}

/// The CLI's operation, for policies: `describe-instances`.
pub fn verb(task: &Task<'_>) -> Option<String> {
    if !is_cli(task) {
        return None;
    }
    let (arguments, _) = read(task);
    let operation = arguments.word(1);
    (!operation.is_empty()).then(|| operation.to_owned())
}

/// The command line and what it does, with aliases of the CLI resolved.
fn read(task: &Task<'_>) -> (Arguments, Deed) {
    if !is_cli(task) {
        let need = operations::of_unknown(task.program_name());
        return (Arguments::default(), Deed::Needs(need));
    }
    match alias::resolve(task.arguments(), task.environment) {
        Resolved::Command(arguments) => {
            let deed = operations::of_cli(&arguments);
            (arguments, deed)
        }
        Resolved::Unclear(name) => (Arguments::read(task.arguments()), Deed::Unclear(name)),
    }
}

/// Which entitlement the command needs: the account that its profile means, and the smallest role
/// that covers its operation.
///
/// # Errors
/// Usage: no profile or an unknown one, an alias that is a program of its own, no role that covers the
/// operation, or a command that needs none.
pub fn recognise(task: &Task<'_>) -> Result<Recognised> {
    let (arguments, deed) = read(task);
    let need = match deed {
        Deed::Needs(need) => Some(need),
        Deed::Unknown => None,
        // Where the account is named, the command is run with what it gives: it may show that.
        Deed::Local | Deed::Unclear(_) if task.on.is_some() => {
            Some(operations::of_unknown(task.program_name()))
        }
        Deed::Local => {
            return Err(
                Failure::usage("this command speaks to no account, so it needs no access")
                    .hint("run it without jit"),
            );
        }
        Deed::Unclear(name) => {
            return Err(Failure::usage(format!(
                "the alias {name:?} of the aws CLI runs a program of its own"
            ))
            .hint("name the account: jit exec --on aws/NAME -- aws …")
            .stranger());
        }
    };
    let resource = account(task, &arguments)?;
    let recognised = match coverage::named(task, &resource)? {
        Some(named) => named,
        None => smallest(task, &resource, &arguments, need.as_ref())?,
    };
    Ok(Recognised {
        credential_use: if private::reads_profiles(task.program_name(), task.environment) {
            CredentialUse::Renewed
        } else {
            CredentialUse::Kept
        },
        ..recognised
    })
}

fn smallest(
    task: &Task<'_>,
    resource: &ResourceName,
    arguments: &Arguments,
    need: Option<&Need>,
) -> Result<Recognised> {
    let covers = |role: &str| {
        let enough = need?.coverage;
        Coverage::of_name(role).filter(|coverage| *coverage >= enough)
    };
    let candidates: Vec<Candidate<'_>> = match task.catalogue.resource(resource)? {
        Resource::Aws(account) => account
            .roles
            .iter()
            .map(|(name, role)| Candidate {
                role: name,
                tier: role.tier,
                covers: covers(name.as_str()),
            })
            .collect(),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Postgres(_) => Vec::new(),
    };
    let unknown = format!("{:?} is no operation that jit knows", arguments.word(0));
    let says = need.map_or(unknown, |need| need.says.clone());
    coverage::smallest(resource, &says, &candidates)
}

/// The account that the command means.
fn account(task: &Task<'_>, arguments: &Arguments) -> Result<ResourceName> {
    let Some(on) = task.on else {
        let profile = profile_name(task, arguments)?;
        return by_profile(task, profile.as_deref());
    };
    let Resource::Aws(account) = task.catalogue.resource(on)? else {
        return Err(Failure::usage(format!("{on} is not an account")).hint("name an aws/NAME"));
    };
    if let Some(profile) = &arguments.profile
        && !account.profiles.contains(profile)
        && let Some((other, _)) = with_profile(task, profile).first()
    {
        return Err(Failure::usage(format!(
            "--profile names {profile:?}, which is {other}'s, and the credential would be for {on}"
        ))
        .hint("leave one of them out"));
    }
    Ok(on.clone())
}

fn by_profile(task: &Task<'_>, named: Option<&str>) -> Result<ResourceName> {
    let profile = named.unwrap_or("default");
    let found = with_profile(task, profile);
    let found: Vec<&ResourceName> = found.into_iter().map(|(name, _)| name).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] if named.is_none() => Err(Failure::usage("no profile is named")
            .hint(known(task))
            .stranger()),
        [] => {
            let all = accounts(task).flat_map(|(_, account)| &account.profiles);
            let near = did_you_mean(profile, all.map(String::as_str));
            Err(
                Failure::usage(format!("the profile {profile:?} is no resource"))
                    .hint(format!("{near}{}", known(task)))
                    .stranger(),
            )
        }
        [first, ..] => {
            let all: Vec<String> = found.iter().map(ToString::to_string).collect();
            Err(Failure::usage(format!(
                "the profile {profile:?} is that of {}",
                all.join(" and ")
            ))
            .hint(format!("say which: --on {first}")))
        }
    }
}

/// A hint that lists the accounts with their profiles.
fn known(task: &Task<'_>) -> String {
    let known: Vec<String> = accounts(task)
        .map(|(name, account)| {
            let profiles: Vec<&str> = account.profiles.iter().map(String::as_str).collect();
            if profiles.is_empty() {
                name.to_string()
            } else {
                format!("{name} (profile {})", profiles.join(", "))
            }
        })
        .collect();
    if known.is_empty() {
        "the catalogue has no account: \"jit init\" proposes one".to_owned()
    } else {
        format!(
            "name one with --profile or --on: {}",
            listed("", known.iter().map(String::as_str))
        )
    }
}
