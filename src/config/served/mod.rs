//! The catalogue of a server, as it rests on this machine: what the server said, and when. The texts in
//! it are foreign, so each is what its name says, or the whole is refused.

mod file;
mod read;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use self::file::{Indexed, Kept};
use crate::{
    domain::{
        catalogue::{Catalogue, Resources},
        entitlement::ResourceName,
        environment::Places,
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::files::{self, PrivateFile},
    protocol::catalogue::{CatalogueView, ResourceView},
};

const FILE: &str = "catalogue.json";
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

impl Served {
    /// The keys that vouch for the hosts of ssh resources.
    pub fn host_authorities(&self) -> BTreeMap<ResourceName, String> {
        let all = self.view.resources.iter();
        all.filter_map(|(name, view)| match view {
            ResourceView::Ssh(view) => Some((name.clone(), view.host_authority.clone()?)),
            ResourceView::Kubernetes(_) | ResourceView::Postgres(_) | ResourceView::Aws(_) => None,
        })
        .collect()
    }
}

/// Where it rests.
pub fn path(places: &Places) -> PathBuf {
    places.cache.join(FILE)
}

/// What rests here; nothing where nothing does, or what does cannot be read.
///
/// # Errors
/// Somebody else can reach the file.
pub fn load(places: &Places) -> Result<Option<Served>> {
    let Some(file) = PrivateFile::open(&path(places))? else {
        return Ok(None);
    };
    let kept = file::read_all(file, &places.cache)?;
    Ok(kept.and_then(|kept| served(places, kept).ok()))
}

/// The catalogue that rests here, of which no more is read than what is looked up.
///
/// # Errors
/// Somebody else can reach the file.
pub fn indexed(places: &Places) -> Result<Option<Catalogue>> {
    let indexed = open_indexed(places)?;
    Ok(indexed.map(|indexed| Catalogue {
        index: Some(Arc::new(indexed)),
        ..Catalogue::default()
    }))
}

/// When it was fetched.
///
/// # Errors
/// Somebody else can reach the file.
pub fn fetched_at(places: &Places) -> Result<Option<Timestamp>> {
    match open_indexed(places)? {
        Some(indexed) => Ok(Some(indexed.fetched_at)),
        None => Ok(load(places)?.map(|served| served.fetched_at)),
    }
}

fn open_indexed(places: &Places) -> Result<Option<Indexed>> {
    match PrivateFile::open(&path(places))? {
        Some(file) => Indexed::open(file, &places.cache),
        None => Ok(None),
    }
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
    let served = served(places, kept)?;
    let text = file::written(&served.view, &served.catalogue, served.fetched_at)
        .ok_or_else(|| Failure::failed("the catalogue cannot be kept"))?;
    let directory = places.cache.join(read::AUTHORITIES);
    files::private_directory(&directory)?;
    for (name, resource) in &served.view.resources {
        if let Some(text) = authority_of(resource).and_then(|text| read::certificates(text)) {
            files::write_passing(&read::authority_file(&places.cache, name), text.as_bytes())?;
        }
    }
    files::write_passing(&path(places), &text)?;
    Ok(served)
}

fn served(places: &Places, kept: Kept) -> Result<Served> {
    let resources = &kept.view.resources;
    if resources.len() > MOST {
        return Err(foreign("it has too many resources"));
    }
    let mut claimed = BTreeSet::new();
    let read = resources.iter().map(|(name, view)| {
        let wrong = |what: &str| foreign(&format!("{name} has {what}"));
        let mut claims = read::claims(view).into_iter();
        if !claims.all(|claim| claimed.insert((name.kind(), claim))) {
            return Err(wrong("a name that another has too"));
        }
        let resource = read::resource(name, view, read::authority_file(&places.cache, name));
        Ok((name.clone(), resource.map_err(wrong)?))
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

const fn authority_of(view: &ResourceView) -> Option<&String> {
    match view {
        ResourceView::Kubernetes(view) => view.certificate_authority.as_ref(),
        ResourceView::Postgres(view) => view.certificate_authority.as_ref(),
        ResourceView::Ssh(_) | ResourceView::Aws(_) => None,
    }
}

fn foreign(what: &str) -> Failure {
    Failure::failed(format!("the server's catalogue makes no sense: {what}"))
        .hint("tell its administrator; what was known of it before is used on")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        domain::{catalogue::Resource, entitlement::Kind, lookup::Key},
        platform::pem,
    };

    fn places(directory: &Path) -> Places {
        Places {
            configuration: directory.join("config"),
            state: directory.join("state"),
            cache: directory.join("cache"),
            runtime: directory.join("run"),
            job: None,
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
        files::write_private(&path(&places), b"{").unwrap();
        assert!(load(&places).unwrap().is_none());
    }

    fn one_of_each_kind() -> CatalogueView {
        let host = |host: &str| json!({"kind": "ssh", "hosts": [host], "roles": {"deploy": {}}});
        serde_json::from_value(json!({"resources": {
            "ssh/web": host("Web"), "ssh/web-2": host("web-2"), "ssh/all": host("*.internal"),
            "kubernetes/prod": {"kind": "kubernetes", "server": "https://PROD:443/",
                "contexts": ["of 100% %20"], "roles": {"view": {}}},
            "postgres/orders": {"kind": "postgres", "hosts": ["db:5433"], "issuer": "certificate",
                "databases": ["orders"], "roles": {"read": {"behind": "orders_ro"}}},
            "aws/prod": {"kind": "aws", "account": "123456789012", "profiles": ["prod"],
                "roles": {"r": {"behind": "arn:aws:iam::123456789012:role/r"}}},
        }}))
        .unwrap()
    }

    fn opened(places: &Places) -> Catalogue {
        indexed(places).unwrap().unwrap()
    }

    fn read(catalogue: &Catalogue) -> usize {
        catalogue.index.as_ref().unwrap().read()
    }

    #[test]
    fn a_resource_is_found_by_what_tools_call_it_and_no_other_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let places = places(directory.path());
        keep(&places, one_of_each_kind(), Timestamp::from_secs(7)).unwrap();
        let catalogue = opened(&places);
        let key = |kind, wanted: Key<'static>| {
            let found = catalogue.found(kind, |key| *key == wanted);
            let names: Vec<String> = found.iter().map(|(name, _)| name.to_string()).collect();
            names.join(" ")
        };
        for (kind, wanted, name) in [
            (Kind::Ssh, Key::Host("Web".into()), "ssh/web"),
            (Kind::Ssh, Key::Host("*.internal".into()), "ssh/all"),
            (Kind::Ssh, Key::Host("we".into()), ""),
            (
                Kind::Kubernetes,
                Key::Server("https://prod/".into()),
                "kubernetes/prod",
            ),
            (
                Kind::Kubernetes,
                Key::Context("of 100% %20".into()),
                "kubernetes/prod",
            ),
            (
                Kind::Postgres,
                Key::Host("db:5433".into()),
                "postgres/orders",
            ),
            (
                Kind::Postgres,
                Key::Database("orders".into()),
                "postgres/orders",
            ),
            (Kind::Aws, Key::Profile("prod".into()), "aws/prod"),
            (Kind::Aws, Key::Context("prod".into()), ""),
        ] {
            assert_eq!(key(kind, wanted.clone()), name, "{wanted:?}");
        }
        assert_eq!(read(&catalogue), 5, "each once, and the other one not");
    }

    #[test]
    fn a_resource_is_found_by_its_name_whatever_became_of_others() {
        let directory = tempfile::tempdir().unwrap();
        let places = places(directory.path());
        let (view, now) = (one_of_each_kind(), Timestamp::from_secs(7));
        keep(&places, view.clone(), now).unwrap();
        assert_eq!(fetched_at(&places).unwrap(), Some(now));
        let web = "ssh/web".parse().unwrap();
        let catalogue = opened(&places);
        assert!(catalogue.resource(&web).is_ok());
        assert!(catalogue.resource(&"ssh/we".parse().unwrap()).is_err());
        assert!(catalogue.has_kind(Kind::Aws));
        assert_eq!((read(&catalogue), catalogue.names().len()), (1, 6));
        // What another one needs is broken, and is not looked at.
        let file = places.cache.join(FILE);
        let text = fs::read_to_string(&file).unwrap();
        let broken = text.replace("[\"web-2\"", "[\"web-2?");
        files::write_private(&file, broken.as_bytes()).unwrap();
        assert!(opened(&places).resource(&web).is_ok());
        assert_eq!(opened(&places).of_kind(Kind::Ssh).count(), 2);
        assert!(load(&places).unwrap().is_none());
        // An earlier version wrote it as one JSON document.
        let before = json!({ "view": view, "fetched_at": now }).to_string();
        files::write_private(&file, before.as_bytes()).unwrap();
        assert_eq!(load(&places).unwrap().unwrap().view, view);
        assert!(indexed(&places).unwrap().is_none());
        assert_eq!(fetched_at(&places).unwrap(), Some(now));
    }

    #[test]
    fn a_hostile_catalogue_is_refused() {
        let roles = json!({"r": {}});
        let ssh = |host: &str| json!({"ssh/x": {"kind": "ssh", "hosts": [host], "roles": roles}});
        assert!(kept(&ssh("web")).is_ok());
        for host in ["", "-oProxyCommand=x", "a b", "a\nb", "$(id)"] {
            assert!(kept(&ssh(host)).is_err(), "{host:?}");
        }
        let vouched = |keys: &str| json!({"ssh/x": {"kind": "ssh", "hosts": ["a"], "roles": roles, "host_authority": keys}});
        let key = "ssh-ed25519 AAAA jit ssh/x";
        for keys in [
            key.to_owned(),
            format!("{key}\n"),
            format!("{key}\n{key}\n"),
        ] {
            assert!(kept(&vouched(&keys)).is_ok(), "{keys:?}");
        }
        for more in [
            "\n\n",
            "\r\n",
            "\n* ssh-ed25519 AAAA",
            "\n@revoked * x",
            "\u{1b}",
        ] {
            assert!(kept(&vouched(&format!("{key}{more}"))).is_err(), "{more:?}");
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
