//! Standing credentials on this machine that jit could take the place of: where they are, never what.

use std::path::Path;

use super::{finding::Finding, ground::Ground, shadows};
use crate::{
    domain::{
        catalogue::Resource,
        environment::Environment,
        failure::{Failure, Result},
    },
    platform::profiles::Profiles,
    tools::{
        kubernetes::users::{Brings, bringing},
        postgres::passfile,
        ssh::identities,
    },
};

const SUBJECT: &str = "standing";
/// No more names stand on one line.
const MOST: usize = 6;

/// What lies around and is not in the way of a resource (that is another check's).
pub(super) fn look(ground: &Ground) -> Vec<Finding> {
    let sought = [
        aws(ground),
        kubernetes(ground),
        postgres(ground),
        Ok(ssh(ground)),
    ];
    let mut findings: Vec<Finding> = sought
        .into_iter()
        .flat_map(|found| found.unwrap_or_else(|failure| vec![unread(&failure)]))
        .collect();
    findings.extend(environment(ground));
    if findings.is_empty() {
        findings.push(Finding::good(SUBJECT, "no standing credentials were found"));
    }
    findings
}

fn unread(failure: &Failure) -> Finding {
    Finding::note(SUBJECT, failure.to_string()).hint(&failure.hint)
}

fn found(what: String, hint: &str) -> Finding {
    Finding::warning(SUBJECT, what).hint(hint)
}

/// Names on one line, the first of them where they are many.
fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
    let more = names.len().saturating_sub(MOST);
    let tail = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    format!("{}{tail}", shown.join(", "))
}

fn aws(ground: &Ground) -> Result<Vec<Finding>> {
    let profiles = Profiles::read(&ground.session.environment)?;
    let accounts = || {
        ground
            .resources()
            .filter_map(|(name, resource)| match resource {
                Resource::Aws(account) => Some((name, account)),
                Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Postgres(_) => None,
            })
    };
    let mut findings = Vec::new();
    for file in [&profiles.credentials, &profiles.config] {
        let shown = ground.shown(&file.path);
        let mut others = Vec::new();
        for profile in file.having("aws_access_key_id") {
            let base = accounts().find(|(_, account)| {
                account
                    .base_profile
                    .as_deref()
                    .is_some_and(|base| profiles.chain(base).contains(profile))
            });
            // What wins over jit there is another check's; keys in the configuration do not, but are used.
            let shadows = file.path == profiles.credentials.path
                && accounts().any(|(_, account)| account.profiles.contains(profile));
            match base {
                Some((name, _)) => findings.push(Finding::note(
                    SUBJECT,
                    format!(
                        "the key of profile {profile} in {shown} is what {name} is reached with"
                    ),
                )),
                None if shadows => {}
                None => others.push(profile.to_owned()),
            }
        }
        if !others.is_empty() {
            findings.push(found(
                format!("static AWS keys in {shown}: {}", listed(&others)),
                "let jit assume a role instead (jit init --discover), then delete the keys",
            ));
        }
    }
    Ok(findings)
}

fn kubernetes(ground: &Ground) -> Result<Vec<Finding>> {
    let clusters = || {
        ground
            .resources()
            .filter_map(|(_, resource)| match resource {
                Resource::Kubernetes(cluster) => Some(cluster),
                Resource::Ssh(_) | Resource::Postgres(_) | Resource::Aws(_) => None,
            })
    };
    let users = bringing(&ground.session.environment)?;
    let others: Vec<String> = users
        .into_iter()
        // What another program gives may be as short-lived as ours.
        .filter(|user| !matches!(user.brings, Brings::Plugin(_)))
        .filter(|user| !clusters().any(|cluster| user.context_of(cluster).is_some()))
        .map(|user| format!("{} ({})", user.name, user.brings))
        .collect();
    Ok(if others.is_empty() {
        Vec::new()
    } else {
        vec![found(
            format!(
                "users of your kubeconfig with credentials of their own: {}",
                listed(&others)
            ),
            "let jit reach the clusters (jit init --discover), then remove the users",
        )]
    })
}

fn postgres(ground: &Ground) -> Result<Vec<Finding>> {
    let environment = &ground.session.environment;
    let is_ours = |entry: &passfile::Entry| {
        ground.resources().any(|(_, resource)| match resource {
            Resource::Postgres(server) => shadows::is_for(entry, server),
            Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Aws(_) => false,
        })
    };
    let entries = passfile::read(environment)?;
    let others: Vec<String> = entries
        .iter()
        .filter(|entry| !is_ours(entry))
        .map(|entry| format!("{}@{}:{}", entry.user, entry.host, entry.port))
        .collect();
    let file = passfile::file(environment).unwrap_or_default();
    Ok(if others.is_empty() {
        Vec::new()
    } else {
        vec![found(
            format!("passwords in {}: {}", ground.shown(&file), listed(&others)),
            "let jit reach the servers (jit init --discover), then remove the lines",
        )]
    })
}

fn ssh(ground: &Ground) -> Vec<Finding> {
    let keys = identities::find(&ground.session.environment);
    let (sealed, open): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.is_sealed);
    let names = |keys: Vec<identities::Identity>| -> Vec<String> {
        let files = keys.into_iter().map(|key| key.file);
        files.map(|file| name(&file)).collect()
    };
    [
        ("private keys without a passphrase in ~/.ssh", names(open)),
        ("private keys in ~/.ssh", names(sealed)),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(what, names)| {
        found(
            format!("{what}: {}", listed(&names)),
            "take them out of authorized_keys where jit opens the host",
        )
    })
    .collect()
}

fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Variables that hold a secret for good. Where there is a resource of that kind they are in its way,
/// which is another check's.
fn environment(ground: &Ground) -> Vec<Finding> {
    let environment: &Environment = &ground.session.environment;
    let has = |is: fn(&Resource) -> bool| ground.resources().any(|(_, resource)| is(resource));
    let has_aws = has(|resource| matches!(resource, Resource::Aws(_)));
    let has_postgres = has(|resource| matches!(resource, Resource::Postgres(_)));
    let is_session = environment.value("AWS_SESSION_TOKEN").is_some();
    let variables = [
        ("AWS_ACCESS_KEY_ID", !has_aws && !is_session),
        ("PGPASSWORD", !has_postgres),
        ("KUBE_TOKEN", true),
        ("K8S_AUTH_API_KEY", true),
    ];
    let names: Vec<String> = variables
        .into_iter()
        .filter(|(name, counts)| *counts && environment.value(name).is_some())
        .map(|(name, _)| name.to_owned())
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![found(
        format!("secrets in the environment: {}", listed(&names)),
        "find where your shell sets them, and let jit give the tool one when it needs it",
    )]
}
