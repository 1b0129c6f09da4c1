//! Leases that a home holds already, of each kind, without any authority or target.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use jit::{
    cache::{self, Cache},
    config::{binding, client, places, served},
    domain::{
        catalogue::{Catalogue, Resource},
        credential::{Credential, Secret, Token},
        elevation::Grant,
        environment::{Environment, Places},
        id::GrantId,
        lease::{Binding, Lease},
        principal::{Class, Principal},
        time::Timestamp,
    },
    issuers::{
        order::{Order, Site},
        ssh,
    },
    platform::{clock, keys},
    protocol::catalogue::{Beside, CatalogueView, ResourceView},
};
use secrecy::SecretString;

use super::home::Home;

/// A catalogue with a resource of each kind; none of them is there.
pub(crate) const CATALOGUE: &str = r#"
[resources."ssh/held"]
hosts = ["ssh.invalid"]
roles.deploy = {}

[resources."kubernetes/held"]
server = "https://kubernetes.invalid:6443"
contexts = ["held"]
issuer = "token-request"
credential = "file:absent.token"
roles.view = { service_account = "jit/view" }

[resources."postgres/held"]
hosts = ["postgres.invalid"]
issuer = "certificate"
roles.read = { role = "reader" }

[resources."aws/held"]
account = "123456789012"
region = "eu-west-1"
issuer = "assume-role"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }
"#;

/// A home that holds a fresh lease of each kind: ssh/held:deploy, kubernetes/held:view,
/// postgres/held:read, aws/held:read.
pub(crate) fn home_with_leases() -> Home {
    let home = Home::new();
    home.configure("authority.toml", CATALOGUE);
    let secret = || SecretString::from("a-secret-of-about-the-right-length".repeat(8));
    let secrets = [
        ("kubernetes/held:view", Secret::KubernetesToken(secret())),
        (
            "postgres/held:read",
            Secret::PostgresRole {
                role: "jit_reader".to_owned(),
                password: secret(),
            },
        ),
        (
            "aws/held:read",
            Secret::AwsSession {
                access_key_id: "ASIAHELDHELDHELDHELD".to_owned(),
                secret_access_key: secret(),
                session_token: secret(),
                account: Some("123456789012".to_owned()),
            },
        ),
    ];
    let mut leases = vec![certified(&home)];
    leases.extend(secrets.map(|(entitlement, secret)| lease(grant(entitlement), secret)));
    let cache = cache(&home);
    let places = places::find(&environment(&home), None).unwrap();
    for lease in leases {
        let lease = bound(lease, &toml::from_str(CATALOGUE).unwrap(), &places);
        cache
            .fresh_or(&lease.grant.entitlement.clone(), clock::now, |_| Ok(lease))
            .unwrap();
    }
    home
}

/// The lease as it is where it was issued under that catalogue.
fn bound(lease: Lease, catalogue: &Catalogue, places: &Places) -> Lease {
    Lease {
        binding: binding::of(catalogue, &lease.grant.entitlement, places).unwrap(),
        ..lease
    }
}

/// Gives the leases of a home to another configuration directory.
pub(crate) fn move_leases(home: &Home, configuration: &Path) {
    let places = Places {
        configuration: configuration.to_owned(),
        ..places::find(&environment(home), None).unwrap()
    };
    let other = Cache::open(&places).unwrap();
    for lease in cache(home).leases().unwrap() {
        other
            .fresh_or(&lease.grant.entitlement.clone(), clock::now, |_| Ok(lease))
            .unwrap();
    }
}

/// The file of a lease of a home, whether it is there or not.
pub(crate) fn lease_file(home: &Home, entitlement: &str) -> PathBuf {
    let places = places::find(&environment(home), None).unwrap();
    cache::file(&places, &entitlement.parse().unwrap())
}

/// The cache of a home.
pub(crate) fn cache(home: &Home) -> Cache {
    Cache::open(&places::find(&environment(home), None).unwrap()).unwrap()
}

/// Changes a lease that a home holds.
pub(crate) fn change(home: &Home, entitlement: &str, change: impl FnOnce(&mut Lease)) {
    let (cache, entitlement) = (cache(home), entitlement.parse().unwrap());
    let mut lease = cache.fresh(&entitlement, clock::now()).unwrap().unwrap();
    change(&mut lease);
    cache.forget(&entitlement).unwrap();
    cache
        .fresh_or(&entitlement, clock::now, |_| Ok(lease))
        .unwrap();
}

/// The same in a cache of those places.
pub(crate) fn change_at(places: &Places, entitlement: &str, change: impl FnOnce(&mut Lease)) {
    let (cache, entitlement) = (Cache::open(places).unwrap(), entitlement.parse().unwrap());
    let mut lease = cache.held(&entitlement).unwrap().unwrap();
    change(&mut lease);
    cache.forget(&entitlement).unwrap();
    cache
        .fresh_or(&entitlement, clock::now, |_| Ok(lease))
        .unwrap();
}

/// The same home, at a server that is none: what it holds comes from there, and so does the catalogue.
pub(crate) fn served_home_with_leases() -> Home {
    served_home_among(0)
}

/// The same with so many other resources in the catalogue, of all kinds.
pub(crate) fn served_home_among(others: usize) -> Home {
    served_home_of(CATALOGUE, others)
}

/// The same, where a profile means the account.
pub(crate) fn served_home_with_profile_among(others: usize) -> Home {
    let catalogue = CATALOGUE.replace("region", "profiles = [\"held\"]\nregion");
    served_home_of(&catalogue, others)
}

fn served_home_of(catalogue: &str, others: usize) -> Home {
    let home = home_with_leases();
    let embedded = cache(&home);
    home.configure("config.toml", "server = \"https://jit.invalid\"\n");
    let places = places::find(&environment(&home), None).unwrap();
    let config = client::load(&places).unwrap();
    let places = client::placed(places, &config);
    let text = format!("{catalogue}{}", fillers(others));
    let resources = toml::from_str::<Catalogue>(&text).unwrap().resources.0;
    let resources = resources
        .iter()
        .map(|(name, resource)| (name.clone(), ResourceView::of(resource, Beside::default())));
    let view = CatalogueView {
        resources: resources.collect(),
    };
    let served = served::keep(&places, view, clock::now()).unwrap();
    let own = Cache::open(&places).unwrap();
    for lease in embedded.leases().unwrap() {
        let lease = bound(lease, &served.catalogue, &places);
        own.fresh_or(&lease.grant.entitlement.clone(), clock::now, |_| Ok(lease))
            .unwrap();
    }
    fs::remove_file(home.config().join("authority.toml")).unwrap();
    home
}

/// So many resources that nobody holds anything of.
fn fillers(number: usize) -> String {
    let filler = |number: usize| match number % 4 {
        0 => format!(
            "[resources.\"ssh/filler-{number}\"]\nhosts = [\"filler-{number}.invalid\"]\nroles.deploy = {{}}\n"
        ),
        1 => format!(
            "[resources.\"kubernetes/filler-{number}\"]\nserver = \"https://filler-{number}.invalid:6443\"\n\
             contexts = [\"filler-{number}\"]\nissuer = \"token-request\"\n\
             roles.view = {{ service_account = \"jit/view\" }}\n"
        ),
        2 => format!(
            "[resources.\"postgres/filler-{number}\"]\nhosts = [\"filler-{number}.invalid\"]\n\
             issuer = \"certificate\"\nroles.read = {{ role = \"reader\" }}\n"
        ),
        _ => format!(
            "[resources.\"aws/filler-{number}\"]\naccount = \"{:012}\"\nprofiles = [\"filler-{number}\"]\n\
             issuer = \"assume-role\"\nroles.read = {{ arn = \"arn:aws:iam::{:012}:role/read\" }}\n",
            number + 1,
            number + 1
        ),
    };
    (0..number).map(filler).collect::<Vec<_>>().concat()
}

/// A lease with a certificate, since the agent reads it.
fn certified(home: &Home) -> Lease {
    let catalogue: Catalogue = toml::from_str(CATALOGUE).unwrap();
    let grant = grant("ssh/held:deploy");
    let Resource::Ssh(resource) = catalogue.resource(&grant.entitlement.resource).unwrap() else {
        panic!("another kind");
    };
    let (authority, key) = (keys::generate().unwrap(), keys::generate().unwrap());
    let now = clock::now();
    let order = Order {
        grant: &grant,
        public_key: key.public(),
        serial: 1,
        now,
    };
    let site = Site {
        authority: Some(&authority),
        also: &[],
        issuer: None,
        directory: &home.config(),
        environment: &environment(home),
        now,
    };
    let secret = ssh::issue(resource, &order, &site).unwrap().secret;
    Lease {
        key,
        ..lease(grant.clone(), secret)
    }
}

fn grant(entitlement: &str) -> Grant {
    let now: Timestamp = clock::now();
    Grant {
        id: GrantId::new(now, keys::random().unwrap()),
        principal: Principal::new(Class::Human, "alice").unwrap(),
        entitlement: entitlement.parse().unwrap(),
        granted_at: now,
        expires_at: now.after(Duration::from_hours(1)),
        credential_ttl: Duration::from_hours(1),
        policies: vec!["routine".to_owned()],
        break_glass: false,
        chain: Vec::new(),
    }
}

fn lease(grant: Grant, secret: Secret) -> Lease {
    Lease {
        token: Token(SecretString::from("token".repeat(100))),
        holder: keys::generate().unwrap(),
        credential: Credential {
            serial: "1".to_owned(),
            expires_at: grant.expires_at,
            secret,
        },
        key: keys::generate().unwrap(),
        issued_at: grant.granted_at,
        took: Duration::from_millis(5),
        because: "you named it".to_owned(),
        binding: Binding::default(),
        justification: None,
        asked_ttl: None,
        confirmed_at: None,
        catalogue_stamp: String::new(),
        is_longest: false,
        grant,
    }
}

/// What a program in that home sees around it.
pub(crate) fn environment(home: &Home) -> Environment {
    let command = home.command(Path::new("jit"));
    let variables = command.get_envs();
    Environment {
        variables: variables
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect(),
        directory: home.path(""),
        home: Some(home.path("")),
    }
}
