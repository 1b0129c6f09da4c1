//! The aws CLI, and every other program that finds AWS credentials in its environment.

mod alias;
mod argv;
mod hook;
mod operations;
mod private;
mod process;
mod profile;
mod secrets;
mod shadow;
#[cfg(test)]
mod tests;

pub use hook::{command, header};
pub use process::{not_an_account, process_credentials};
pub use shadow::{BRINGS_CREDENTIALS, Shadow, own_keys, shadows};

use std::ffi::{OsStr, OsString};

use alias::Resolved;
use argv::Arguments;
use operations::{Deed, Need};
use profile::Profile;
use secrecy::ExposeSecret as _;

use super::{
    coverage::{self, Candidate, Coverage},
    task::{Injection, Recognised, Task},
    variables,
};
use crate::{
    domain::{
        catalogue::{AwsResource, Resource},
        credential::Secret,
        entitlement::{Kind, ResourceName},
        failure::{Failure, Result, did_you_mean},
    },
    platform::process::{Launch, find},
};

/// What a launch may set.
const ALLOWED: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_CONFIG_FILE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_SDK_LOAD_CONFIG",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
];

/// What would bring another credential, or say something about another: botocore reads
/// `AWS_SECURITY_TOKEN` before the session token and `AWS_DEFAULT_PROFILE` before the profile; the
/// SDKs for JavaScript and Terraform prefer a profile to the keys beside it.
const UNSET: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCOUNT_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_FILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_EXPIRATION",
    "AWS_SESSION_TOKEN",
    "AWS_VAULT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// Whether the command speaks to no account and needs no credential: `aws configure`, `aws help`.
pub fn needs_nothing(task: &Task<'_>) -> bool {
    is_cli(task) && read(task).1 == Deed::Local
}

fn is_cli(task: &Task<'_>) -> bool {
    task.program_name() == "aws"
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
        is_static: !private::reads_profiles(task.program_name(), task.environment),
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
        && let Some((other, _)) = accounts(task).find(|(_, other)| other.profiles.contains(profile))
    {
        return Err(Failure::usage(format!(
            "--profile names {profile:?}, which is {other}'s, and the credential would be for {on}"
        ))
        .hint("leave one of them out"));
    }
    Ok(on.clone())
}

/// The profile that the command names, or else the environment.
fn profile_name(task: &Task<'_>, arguments: &Arguments) -> Result<Option<String>> {
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
            let is_ours = |profile: &str| {
                accounts(task).any(|(_, account)| account.profiles.contains(profile))
            };
            Err(if is_ours(named) || is_ours(default) {
                failure
            } else {
                failure.stranger()
            })
        }
        _ => Ok(named.or(default).map(ToOwned::to_owned)),
    }
}

fn by_profile(task: &Task<'_>, named: Option<&str>) -> Result<ResourceName> {
    let profile = named.unwrap_or("default");
    let found: Vec<&ResourceName> = accounts(task)
        .filter(|(_, account)| account.profiles.contains(profile))
        .map(|(name, _)| name)
        .collect();
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
        format!("name one with --profile or --on: {}", known.join(", "))
    }
}

fn accounts<'a>(
    task: &Task<'a>,
) -> impl Iterator<Item = (&'a ResourceName, &'a AwsResource)> + use<'a> {
    let resources = task.catalogue.of_kind(Kind::Aws);
    resources.filter_map(|(name, resource)| match resource {
        Resource::Aws(account) => Some((name, account)),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Postgres(_) => None,
    })
}

/// The program with the session's keys in its environment, and with nothing that leads past them.
///
/// # Errors
/// The program is missing (127) or cannot be run (126); the user's AWS configuration cannot be read
/// (125).
pub fn launch(injection: &Injection<'_>) -> Result<Launch> {
    let task = &injection.task;
    let credential = &injection.lease.credential;
    let (
        Resource::Aws(account),
        Secret::AwsSession {
            access_key_id,
            secret_access_key,
            session_token,
            account: _,
        },
    ) = (injection.resource, &credential.secret)
    else {
        let entitlement = &injection.lease.grant.entitlement;
        return Err(Failure::failed(format!(
            "{entitlement} is not in an account"
        )));
    };
    let program = task.command.first().map(OsString::as_os_str);
    let mut launch = Launch {
        program: find(program.unwrap_or_default(), task.environment)?,
        arguments: task.arguments().to_vec(),
        unset: UNSET.iter().map(ToString::to_string).collect(),
        ..Launch::default()
    };
    if private::reads_profiles(task.program_name(), task.environment) {
        by_profile_file(injection, account, &mut launch)?;
        return Ok(launch);
    }
    let mut set = |name, value: &str| variables::set(&mut launch, ALLOWED, name, value);
    set("AWS_ACCESS_KEY_ID", access_key_id)?;
    set("AWS_SECRET_ACCESS_KEY", secret_access_key.expose_secret())?;
    set("AWS_SESSION_TOKEN", session_token.expose_secret())?;
    let expires_at = credential.expires_at.to_rfc3339_seconds();
    set("AWS_CREDENTIAL_EXPIRATION", &expires_at)?;
    settings(task, account, &mut launch)?;
    Ok(launch)
}

/// A profile that asks `jit`, in a configuration of our own: the program renews its credentials by itself, and
/// finds no others.
fn by_profile_file(
    injection: &Injection<'_>,
    account: &AwsResource,
    launch: &mut Launch,
) -> Result<()> {
    let task = &injection.task;
    let entitlement = &injection.lease.grant.entitlement;
    settings(task, account, launch)?;
    let file = private::write(entitlement, account, task.environment, injection.places)?;
    let mut set = |name, value: &OsStr| variables::set(launch, ALLOWED, name, value);
    set("AWS_CONFIG_FILE", file.as_os_str())?;
    set("AWS_SHARED_CREDENTIALS_FILE", OsStr::new("/dev/null"))?;
    // Older SDKs read the configuration only then.
    set("AWS_SDK_LOAD_CONFIG", OsStr::new("1"))?;
    let arguments = cli_arguments(task);
    let name =
        own_profile(task, account, &arguments).filter(|name| account.profiles.contains(name));
    set(
        "AWS_PROFILE",
        OsStr::new(name.as_deref().unwrap_or(private::PROFILE)),
    )
}

fn cli_arguments(task: &Task<'_>) -> Arguments {
    if is_cli(task) {
        Arguments::read(task.arguments())
    } else {
        Arguments::default()
    }
}

/// The profile's other settings and the region. `--profile` makes the CLI pass over the keys in its
/// environment, so it becomes `AWS_PROFILE`, which does not; other programs may let that win, so
/// they get the profile's region only.
fn settings(task: &Task<'_>, account: &AwsResource, launch: &mut Launch) -> Result<()> {
    let arguments = cli_arguments(task);
    let name = own_profile(task, account, &arguments);
    let profile = match &name {
        Some(name) => profile::load(task.environment, name)?,
        None => None,
    };
    if is_cli(task) {
        launch.arguments = arguments.without_profile(task.arguments());
        if let (Some(name), Some(_)) = (&name, &profile) {
            variables::set(launch, ALLOWED, "AWS_PROFILE", name)?;
        }
    }
    let Some(region) = region(task, account, &arguments, profile.as_ref()) else {
        return Ok(());
    };
    variables::set(launch, ALLOWED, "AWS_REGION", region)?;
    variables::set(launch, ALLOWED, "AWS_DEFAULT_REGION", region)
}

/// The user's profile for this account: the one that is named, unless only the environment does and
/// means another account; "default" where none is named and that means this account.
fn own_profile(task: &Task<'_>, account: &AwsResource, arguments: &Arguments) -> Option<String> {
    if arguments.profile.is_some() {
        return arguments.profile.clone();
    }
    let named = profile_name(task, arguments).ok().flatten();
    let name = named.unwrap_or_else(|| "default".to_owned());
    account.profiles.contains(&name).then_some(name)
}

/// The region to set; `None` where the user has chosen one that the program finds by itself.
fn region<'a>(
    task: &Task<'_>,
    account: &'a AwsResource,
    arguments: &Arguments,
    profile: Option<&'a Profile>,
) -> Option<&'a OsStr> {
    let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let in_environment = variables
        .iter()
        .any(|variable| task.environment.value(variable).is_some());
    if in_environment || arguments.region.is_some() {
        return None;
    }
    let of_profile = profile.and_then(|profile| profile.region.as_deref());
    if of_profile.is_some() && is_cli(task) {
        return None;
    }
    of_profile.or(account.region.as_deref()).map(OsStr::new)
}
