//! Credentials of the user's own that a tool would take instead of ours.

use super::{finding::Finding, ground::Ground};
use crate::{
    app::setup,
    domain::{
        catalogue::{AwsResource, KubernetesResource, PostgresResource, Resource},
        entitlement::ResourceName,
        failure::{Failure, Result},
    },
    tools::{
        aws::shadows,
        kubernetes::users::{User, bringing},
        postgres::{passfile, place::place, standing},
    },
};

/// What stands in the way of each resource.
pub(super) fn look(ground: &Ground) -> Vec<Finding> {
    let users = bringing(&ground.session.environment);
    let mut findings = Vec::new();
    for (name, resource) in ground.resources() {
        let found = match resource {
            Resource::Aws(account) => aws(name, account, ground),
            Resource::Kubernetes(cluster) => match &users {
                Ok(users) => Ok(kubernetes(name, cluster, users)),
                Err(failure) => Err(failure.clone()),
            },
            Resource::Postgres(server) => postgres(name, server, ground),
            Resource::Ssh(_) => ssh(name, ground),
        };
        findings.extend(found.unwrap_or_else(|failure| vec![unread(name, &failure)]));
    }
    findings.extend(environment(ground));
    findings
}

/// A tool's own file that cannot be read is the tool's affair, too.
fn unread(name: &ResourceName, failure: &Failure) -> Finding {
    Finding::warning(name, failure.to_string()).hint(&failure.hint)
}

/// Setup tells ssh to offer nothing else, for the names of hosts that it has seen.
fn ssh(name: &ResourceName, ground: &Ground) -> Result<Vec<Finding>> {
    let session = &ground.session;
    // That it is not set up at all is said once, and not of each resource.
    if !setup::ssh::is_included(session)? {
        return Ok(Vec::new());
    }
    let unseen = setup::ssh::uncovered(session, name, &ground.catalogue)?;
    let found = unseen.into_iter().map(|alias| {
        let says = format!("ssh {alias} reaches it and offers your own keys");
        Finding::warning(name, says).hint("setup has not seen that name: jit setup ssh")
    });
    Ok(found.collect())
}

fn aws(name: &ResourceName, account: &AwsResource, ground: &Ground) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for profile in &account.profiles {
        let found = shadows(&ground.session.environment, profile)?;
        // What the environment holds is said once, below.
        let in_files = found
            .into_iter()
            .filter(|shadow| !shadow.what.starts_with("AWS_"));
        findings
            .extend(in_files.map(|shadow| Finding::warning(name, shadow.what).hint(shadow.remedy)));
    }
    Ok(findings)
}

fn kubernetes(name: &ResourceName, cluster: &KubernetesResource, users: &[User]) -> Vec<Finding> {
    let found = users.iter().filter_map(|user| {
        let context = user.context_of(cluster)?;
        let says = format!(
            "the context {context:?} logs in with {} of its own (user {:?})",
            user.brings, user.name
        );
        Some(Finding::warning(name, says).hint("let it ask jit: jit setup kubernetes"))
    });
    found.collect()
}

fn postgres(
    name: &ResourceName,
    server: &PostgresResource,
    ground: &Ground,
) -> Result<Vec<Finding>> {
    let environment = &ground.session.environment;
    let file = passfile::file(environment).unwrap_or_default();
    let entries = passfile::read(environment)?;
    let own = entries.into_iter().filter(|entry| is_for(entry, server));
    let found = own.map(|entry| {
        let (
            shown,
            passfile::Entry {
                line, host, port, ..
            },
        ) = (ground.shown(&file), entry);
        let says = format!("{shown}, line {line}, holds a password for {host}:{port}");
        Finding::warning(name, says).hint("take the line out; psql needs none with jit")
    });
    let services = standing::find(environment)?.into_iter();
    let services = services
        .filter(|service| service.is_for(server))
        .map(|found| {
            let says = format!(
                "{}, service {}, holds a password for it",
                ground.shown(&found.file),
                found.service
            );
            Finding::warning(name, says).hint("take the password out; libpq needs none with jit")
        });
    Ok(found.chain(services).collect())
}

/// Whether a password is for that server; one for any server is for nobody in particular.
pub(super) fn is_for(entry: &passfile::Entry, server: &PostgresResource) -> bool {
    let fits = |field: &str, value: &str| field == "*" || field.eq_ignore_ascii_case(value);
    let mut places = server.hosts.iter().map(|text| place(text));
    entry.host != "*"
        && places
            .any(|(host, port)| fits(&entry.host, host) && fits(&entry.port, &port.to_string()))
}

/// Variables that most tools take before everything else.
fn environment(ground: &Ground) -> Vec<Finding> {
    let set = |name: &str| ground.session.environment.value(name).is_some();
    let has = |is: fn(&Resource) -> bool| ground.resources().any(|(_, resource)| is(resource));
    let mut findings = Vec::new();
    if set("AWS_ACCESS_KEY_ID") && has(|resource| matches!(resource, Resource::Aws(_))) {
        findings.push(
            Finding::warning(
                "environment",
                "AWS_ACCESS_KEY_ID is set, and most tools take it before any profile",
            )
            .hint(
                "put the key into a profile, name that as base_profile in authority.toml, and unset \
                 AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
            ),
        );
    }
    if set("PGPASSWORD") && has(|resource| matches!(resource, Resource::Postgres(_))) {
        findings.push(
            Finding::warning(
                "environment",
                "PGPASSWORD is set, and libpq gives it to any server that asks",
            )
            .hint("unset PGPASSWORD"),
        );
    }
    findings
}
