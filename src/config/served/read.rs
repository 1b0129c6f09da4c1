//! A resource as a server describes it: each text is what its name says, or the whole is refused.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{
    config::names,
    domain::{
        catalogue::{
            AwsIssuer, AwsResource, AwsRole, KubernetesIssuer, KubernetesResource, KubernetesRole,
            PostgresResource, PostgresRole, Resource, SshResource, SshRole,
        },
        entitlement::{Kind, ResourceName},
    },
    platform::pem,
    protocol::catalogue::{AwsView, KubernetesView, PostgresView, ResourceView, SshView},
};

/// The directory of certificate authorities, in the cache.
pub(super) const AUTHORITIES: &str = "authorities";

/// What was read, or what it has that makes no sense.
type Read<T> = Result<T, &'static str>;

/// The names on this machine that mean a resource and no other.
pub(super) fn claims(view: &ResourceView) -> Vec<&String> {
    match view {
        ResourceView::Kubernetes(view) => view.contexts.iter().collect(),
        ResourceView::Aws(view) => view.profiles.iter().collect(),
        ResourceView::Ssh(_) | ResourceView::Postgres(_) => Vec::new(),
    }
}

/// `kubernetes,prod.pem`; a comma is in no name.
pub(super) fn authority_file(cache: &Path, name: &ResourceName) -> PathBuf {
    let name = name.to_string().replace('/', ",");
    cache.join(AUTHORITIES).join(format!("{name}.pem"))
}

/// The resource; `authority` is the file that its certificate authority is kept in.
pub(super) fn resource(
    name: &ResourceName,
    view: &ResourceView,
    authority: PathBuf,
) -> Read<Resource> {
    let read = match (name.kind(), view) {
        (Kind::Ssh, ResourceView::Ssh(view)) => Resource::Ssh(ssh(view)?),
        (Kind::Kubernetes, ResourceView::Kubernetes(view)) => {
            Resource::Kubernetes(kubernetes(view, authority)?)
        }
        (Kind::Postgres, ResourceView::Postgres(view)) => {
            Resource::Postgres(postgres(view, authority)?)
        }
        (Kind::Aws, ResourceView::Aws(view)) => Resource::Aws(aws(view)?),
        (Kind::Ssh | Kind::Kubernetes | Kind::Postgres | Kind::Aws, _) => {
            return Err("another kind");
        }
    };
    let has_role = read.roles().next().is_some();
    has_role.then_some(read).ok_or("no role")
}

fn ssh(view: &SshView) -> Read<SshResource> {
    if view.hosts.is_empty() || !view.hosts.iter().all(|host| names::is_host_pattern(host)) {
        return Err("a host that is none");
    }
    let mut keys = view
        .host_authority
        .iter()
        .flat_map(|text| text.split_terminator('\n'));
    if !keys.all(is_key) {
        return Err("a host authority that is none");
    }
    let roles = view.roles.iter();
    Ok(SshResource {
        hosts: view.hosts.clone(),
        labels: BTreeSet::new(),
        roles: roles
            .map(|(name, role)| (name.clone(), SshRole { tier: role.tier }))
            .collect(),
    })
}

/// A public key as a line of `known_hosts` ends in it. An authority has as many as were ever rotated.
fn is_key(line: &str) -> bool {
    line.len() <= 1024
        && line.starts_with("ssh-ed25519 ")
        && line.chars().all(|c| c.is_ascii_graphic() || c == ' ')
}

fn kubernetes(view: &KubernetesView, authority: PathBuf) -> Read<KubernetesResource> {
    if !(view.server.starts_with("https://") && names::is_server(&view.server)) {
        return Err("an address that is none");
    }
    if !view.contexts.iter().all(|context| names::is_line(context)) {
        return Err("a context that is none");
    }
    let mut names = view.tls_server_name.iter();
    if !names.all(|name| names::is_certificate_name(name)) {
        return Err("a server's name that is none");
    }
    let is_verb = |verb: &String| verb == "*" || names::is_label(verb);
    if !view
        .roles
        .values()
        .all(|role| role.verbs.iter().all(is_verb))
    {
        return Err("a verb that is none");
    }
    let roles = view.roles.iter().map(|(name, role)| {
        let role = KubernetesRole {
            service_account: None,
            groups: BTreeSet::new(),
            verbs: role.verbs.clone(),
            tier: role.tier,
        };
        (name.clone(), role)
    });
    Ok(KubernetesResource {
        server: view.server.clone(),
        certificate_authority: vouched(view.certificate_authority.as_ref(), authority)?,
        tls_server_name: view.tls_server_name.clone(),
        contexts: view.contexts.clone(),
        // How it issues is the authority's own affair.
        issuer: KubernetesIssuer::TokenRequest,
        credential: None,
        namespace: None,
        audience: None,
        labels: BTreeSet::new(),
        roles: roles.collect(),
    })
}

fn postgres(view: &PostgresView, authority: PathBuf) -> Read<PostgresResource> {
    let is_host = |host: &String| names::host_and_port(host, 5432).is_some();
    if view.hosts.is_empty() || !view.hosts.iter().all(is_host) {
        return Err("a host that is none");
    }
    if !view.databases.iter().all(|name| names::is_line(name)) {
        return Err("a database that is none");
    }
    let roles = view.roles.iter().map(|(name, role)| {
        let behind = role.behind.clone().unwrap_or_default();
        let read = PostgresRole {
            role: behind,
            tier: role.tier,
        };
        let is_role = names::is_database_role(&read.role);
        is_role
            .then(|| (name.clone(), read))
            .ok_or("a database role that is none")
    });
    Ok(PostgresResource {
        hosts: view.hosts.clone(),
        databases: view.databases.clone(),
        issuer: view.issuer,
        credential: None,
        certificate_authority: vouched(view.certificate_authority.as_ref(), authority)?,
        labels: BTreeSet::new(),
        roles: roles.collect::<Read<_>>()?,
    })
}

fn aws(view: &AwsView) -> Read<AwsResource> {
    if !names::is_account(&view.account) {
        return Err("an account that is none");
    }
    if !view.profiles.iter().all(|profile| names::is_line(profile)) {
        return Err("a profile that is none");
    }
    if !view.region.iter().all(|region| names::is_region(region)) {
        return Err("a region that is none");
    }
    let roles = view.roles.iter().map(|(name, role)| {
        let arn = role.behind.clone().unwrap_or_default();
        if names::account_of_role(&arn) != Some(&view.account) {
            return Err("a role that is not its account's");
        }
        let role = AwsRole {
            arn,
            session_policy: None,
            tier: role.tier,
        };
        Ok((name.clone(), role))
    });
    Ok(AwsResource {
        account: view.account.clone(),
        profiles: view.profiles.clone(),
        region: view.region.clone(),
        issuer: AwsIssuer::AssumeRole,
        base_profile: None,
        endpoint: None,
        labels: BTreeSet::new(),
        roles: roles.collect::<Read<_>>()?,
    })
}

/// The file of a certificate authority, where there is one.
fn vouched(text: Option<&String>, file: PathBuf) -> Read<Option<PathBuf>> {
    match text {
        None => Ok(None),
        Some(text) if certificates(text).is_some() => Ok(Some(file)),
        Some(_) => Err("a certificate authority that is none"),
    }
}

/// The certificates of a text, and nothing else that it could bring.
pub(super) fn certificates(text: &str) -> Option<String> {
    let read = pem::certificates(text.as_bytes())?;
    Some(read.iter().map(|one| pem::written(one)).collect())
}
