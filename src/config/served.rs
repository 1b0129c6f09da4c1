//! The catalogue of a server, as it rests on this machine: what the server said, and when. The texts in
//! it are foreign, so each is what its name says, or the whole is refused.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::names;
use crate::{
    domain::{
        catalogue::{
            AwsIssuer, AwsResource, AwsRole, Catalogue, KubernetesIssuer, KubernetesResource,
            KubernetesRole, PostgresResource, PostgresRole, Resource, Resources, SecretReference,
            SshResource, SshRole,
        },
        entitlement::{Kind, ResourceName},
        environment::Places,
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::{files, pem},
    protocol::catalogue::{
        AwsView, CatalogueView, KubernetesView, PostgresView, ResourceView, SshView,
    },
};

const FILE: &str = "catalogue.json";
const AUTHORITIES: &str = "authorities";
/// More than any team has.
const MOST: usize = 10_000;

/// What a server said.
#[derive(Clone, Debug)]
pub struct Served {
    /// What can be reached.
    pub catalogue: Catalogue,
    /// As it was said.
    pub view: CatalogueView,
    /// When.
    pub fetched_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    view: CatalogueView,
    fetched_at: Timestamp,
}

/// What rests here; nothing where nothing does, or what does cannot be read.
///
/// # Errors
/// Somebody else can reach the file.
pub fn load(places: &Places) -> Result<Option<Served>> {
    let Some(text) = files::read_private(&places.cache.join(FILE))? else {
        return Ok(None);
    };
    let kept: Option<Kept> = serde_json::from_slice(&text).ok();
    Ok(kept.and_then(|kept| served(places, kept).ok()))
}

/// Keeps what a server said.
///
/// # Errors
/// It makes no sense, or cannot be written.
pub fn keep(places: &Places, view: CatalogueView, now: Timestamp) -> Result<Served> {
    let kept = Kept {
        view,
        fetched_at: now,
    };
    let text = serde_json::to_vec(&kept)
        .map_err(|error| Failure::failed("the catalogue cannot be kept").because(&error))?;
    let served = served(places, kept)?;
    let directory = places.cache.join(AUTHORITIES);
    files::private_directory(&directory)?;
    for (name, resource) in &served.view.resources {
        if let Some(text) = authority_of(resource) {
            files::write_passing(
                &authority_file(places, name),
                certificates(text)?.as_bytes(),
            )?;
        }
    }
    files::write_passing(&places.cache.join(FILE), &text)?;
    Ok(served)
}

fn served(places: &Places, kept: Kept) -> Result<Served> {
    let resources = &kept.view.resources;
    if resources.len() > MOST {
        return Err(foreign("it has too many resources"));
    }
    let mut claimed = BTreeSet::new();
    let read = resources.iter().map(|(name, view)| {
        let names = claims(view).into_iter();
        for claim in names {
            if !claimed.insert((name.kind(), claim)) {
                return Err(foreign(&format!(
                    "{name} has {claim:?}, which another has too"
                )));
            }
        }
        Ok((name.clone(), resource(places, name, view)?))
    });
    let catalogue = Catalogue {
        resources: Resources(read.collect::<Result<_>>()?),
        ..Catalogue::default()
    };
    Ok(Served {
        catalogue,
        view: kept.view,
        fetched_at: kept.fetched_at,
    })
}

/// The names on this machine that mean a resource and no other.
fn claims(view: &ResourceView) -> Vec<&String> {
    match view {
        ResourceView::Kubernetes(view) => view.contexts.iter().collect(),
        ResourceView::Aws(view) => view.profiles.iter().collect(),
        ResourceView::Ssh(_) | ResourceView::Postgres(_) => Vec::new(),
    }
}

fn resource(places: &Places, name: &ResourceName, view: &ResourceView) -> Result<Resource> {
    let wrong = |what: &str| foreign(&format!("{name} has {what}"));
    let read = match (name.kind(), view) {
        (Kind::Ssh, ResourceView::Ssh(view)) => ssh(view).map(Resource::Ssh),
        (Kind::Kubernetes, ResourceView::Kubernetes(view)) => {
            kubernetes(view, authority_file(places, name)).map(Resource::Kubernetes)
        }
        (Kind::Postgres, ResourceView::Postgres(view)) => {
            postgres(view, authority_file(places, name)).map(Resource::Postgres)
        }
        (Kind::Aws, ResourceView::Aws(view)) => aws(view).map(Resource::Aws),
        (Kind::Ssh | Kind::Kubernetes | Kind::Postgres | Kind::Aws, _) => Err("another kind"),
    };
    let read = read.map_err(wrong)?;
    if read.roles().next().is_none() {
        return Err(wrong("no role"));
    }
    Ok(read)
}

type Read<T> = Result<T, &'static str>;

fn ssh(view: &SshView) -> Read<SshResource> {
    if view.hosts.is_empty() || !view.hosts.iter().all(|host| names::is_host_pattern(host)) {
        return Err("a host that is none");
    }
    let is_key = |line: &String| {
        line.len() <= 1024 && line.chars().all(|c| c.is_ascii_graphic() || c == ' ')
    };
    if !view.host_authority.iter().all(is_key) {
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

fn kubernetes(view: &KubernetesView, authority: PathBuf) -> Read<KubernetesResource> {
    if !(view.server.starts_with("https://") && names::is_server(&view.server)) {
        return Err("an address that is none");
    }
    if !view.contexts.iter().all(|context| names::is_line(context)) {
        return Err("a context that is none");
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
            service_account: String::new(),
            verbs: role.verbs.clone(),
            tier: role.tier,
        };
        (name.clone(), role)
    });
    Ok(KubernetesResource {
        server: view.server.clone(),
        certificate_authority: vouched(view.certificate_authority.as_ref(), authority)?,
        contexts: view.contexts.clone(),
        // How it issues is the authority's own affair.
        issuer: KubernetesIssuer::TokenRequest,
        credential: SecretReference::Keyring(String::new()),
        namespace: String::new(),
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
        Some(text) if certificates(text).is_ok() => Ok(Some(file)),
        Some(_) => Err("a certificate authority that is none"),
    }
}

/// The certificates of a text, and nothing else that it could bring.
fn certificates(text: &str) -> Result<String> {
    let read = pem::certificates(text.as_bytes());
    let read = read.ok_or_else(|| foreign("a certificate authority is none"))?;
    Ok(read.iter().map(|one| pem::written(one)).collect())
}

const fn authority_of(view: &ResourceView) -> Option<&String> {
    match view {
        ResourceView::Kubernetes(view) => view.certificate_authority.as_ref(),
        ResourceView::Postgres(view) => view.certificate_authority.as_ref(),
        ResourceView::Ssh(_) | ResourceView::Aws(_) => None,
    }
}

/// `kubernetes,prod.pem`; a comma is in no name.
fn authority_file(places: &Places, name: &ResourceName) -> PathBuf {
    let name = name.to_string().replace('/', ",");
    let directory: &Path = &places.cache;
    directory.join(AUTHORITIES).join(format!("{name}.pem"))
}

fn foreign(what: &str) -> Failure {
    Failure::failed(format!("the server's catalogue makes no sense: {what}"))
        .hint("tell its administrator; what was known of it before is used on")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;

    fn places(directory: &Path) -> Places {
        Places {
            configuration: directory.join("config"),
            state: directory.join("state"),
            cache: directory.join("cache"),
            runtime: directory.join("run"),
        }
    }

    fn kept(resources: &Value) -> Result<Served> {
        let directory = tempfile::tempdir().unwrap();
        let view = serde_json::from_value(json!({ "resources": resources }))
            .map_err(|error| Failure::failed("no view").because(&error))?;
        keep(&places(directory.path()), view, Timestamp::from_secs(1))
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let places = places(directory.path());
        assert!(load(&places).unwrap().is_none());
        let view: CatalogueView = serde_json::from_value(json!({"resources": {
            "ssh/web": {"kind": "ssh", "hosts": ["*.example.com"], "roles": {"deploy": {}}},
            "postgres/orders": {"kind": "postgres", "hosts": ["db:5432"], "issuer": "certificate",
                "certificate_authority": pem::written(&[1, 2, 3]),
                "roles": {"read": {"behind": "orders_ro", "tier": "elevated"}}},
        }}))
        .unwrap();
        let now = Timestamp::from_secs(7);
        keep(&places, view.clone(), now).unwrap();
        let served = load(&places).unwrap().unwrap();
        assert_eq!((served.view, served.fetched_at), (view, now));
        let Some(Resource::Postgres(orders)) = served
            .catalogue
            .resources
            .0
            .get(&"postgres/orders".parse().unwrap())
        else {
            panic!("it is gone");
        };
        let file = orders.certificate_authority.as_ref().unwrap();
        assert!(file.starts_with(&places.cache), "{file:?}");
        assert_eq!(fs::read_to_string(file).unwrap(), pem::written(&[1, 2, 3]));
        files::write_private(&places.cache.join(FILE), b"{").unwrap();
        assert!(load(&places).unwrap().is_none());
    }

    #[test]
    fn a_hostile_catalogue_is_refused() {
        let roles = json!({"r": {}});
        let ssh = |host: &str| json!({"ssh/x": {"kind": "ssh", "hosts": [host], "roles": roles}});
        assert!(kept(&ssh("web")).is_ok());
        for host in ["", "-oProxyCommand=x", "a b", "a\nb", "$(id)"] {
            assert!(kept(&ssh(host)).is_err(), "{host:?}");
        }
        let cluster = |key: &str, value: Value| {
            let mut cluster =
                json!({"kind": "kubernetes", "server": "https://k:6443", "roles": roles});
            cluster[key] = value;
            json!({ "kubernetes/x": cluster })
        };
        assert!(kept(&cluster("contexts", json!(["x"]))).is_ok());
        for (key, value) in [
            ("server", json!("http://k:6443")),
            ("server", json!("https://k\n")),
            ("contexts", json!(["a\u{1b}b"])),
            ("roles", json!({})),
            ("roles", json!({"../x": {}})),
            ("roles", json!({"r": {"verbs": ["-x"]}})),
            ("kind", json!("ssh")),
            (
                "certificate_authority",
                json!("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"),
            ),
        ] {
            assert!(
                kept(&cluster(key, value.clone())).is_err(),
                "{key}: {value}"
            );
        }
        let account = json!({"aws/x": {"kind": "aws", "account": "123456789012",
            "roles": {"r": {"behind": "arn:aws:iam::999999999999:role/r"}}}});
        assert!(kept(&account).is_err());
        assert!(
            kept(&json!({"../../x": {"kind": "ssh", "hosts": ["a"], "roles": roles}})).is_err()
        );
    }

    #[test]
    fn one_name_means_one_resource() {
        let cluster = |host: &str| json!({"kind": "kubernetes", "server": format!("https://{host}"), "contexts": ["prod"], "roles": {"view": {}}});
        assert!(
            kept(&json!({"kubernetes/a": cluster("a"), "kubernetes/b": cluster("b")})).is_err()
        );
    }
}
