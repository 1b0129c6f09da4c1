//! A program with the session of a lease: by a profile that asks `jit` again, or in its environment.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use secrecy::ExposeSecret as _;

use super::{
    argv::Arguments,
    named::{is_cli, profile_name},
    private,
    profile::{self, Profile},
};
use crate::{
    domain::{
        catalogue::{AwsResource, Resource},
        credential::Secret,
        failure::{Failure, Result},
    },
    platform::process::{Launch, find},
    tools::{
        task::{Injection, Task},
        variables,
    },
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
    let entitlement = &injection.lease.grant.entitlement;
    let file = private::reads_profiles(task.program_name(), task.environment)
        .then(|| private::write(entitlement, account, task.environment, injection.places));
    // Where no file can be put, the session itself will do.
    if let Some(Ok(file)) = file {
        by_profile_file(task, account, &file, &mut launch)?;
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
    task: &Task<'_>,
    account: &AwsResource,
    file: &Path,
    launch: &mut Launch,
) -> Result<()> {
    settings(task, account, launch)?;
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
