//! The issuers against real targets: what they make lets in, and what they end is out.

mod aws;
mod cluster;
mod kubernetes;
mod oidc;
mod postgres_certificate;
mod postgres_role;
mod served;
mod ssh;
mod unreachable;
mod web_identity;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jit::{
    domain::{
        catalogue::Catalogue,
        catalogue::Resource,
        credential::Credential,
        elevation::Grant,
        entitlement::ResourceName,
        environment::Environment,
        failure::Result,
        id::GrantId,
        key::{EcKey, PrivateKey},
        principal::{Class, Principal},
        time::Timestamp,
    },
    issuers::{
        self,
        order::{Issuer, Order, Revocation, Site},
        removal::removal,
    },
    platform::{clock, keys},
};

use crate::support::Home;

/// What the authority is as an OIDC issuer.
const ISSUER: &str = "https://jit.example.com";

/// An authority of one resource, as `authority.toml` has it, and a client's key.
struct Scene {
    home: Home,
    name: ResourceName,
    resource: Resource,
    authority: PrivateKey,
    issuer: EcKey,
    client: PrivateKey,
    environment: Environment,
}

impl Scene {
    fn new(name: &str, keys: &str) -> Self {
        let home = Home::new();
        let text = format!("[resources.{name:?}]\n{keys}\n");
        let catalogue: Catalogue = toml::from_str(&text).unwrap();
        let name: ResourceName = name.parse().unwrap();
        let resource = catalogue.resource(&name).unwrap().clone();
        Self {
            name,
            resource,
            authority: keys::generate().unwrap(),
            issuer: keys::generate_ec().unwrap(),
            client: keys::generate().unwrap(),
            environment: Environment {
                home: Some(home.path(".")),
                ..Environment::default()
            },
            home,
        }
    }

    /// Sets an environment variable of the authority.
    fn set(&mut self, name: &str, value: &str) {
        self.environment.variables.insert(name.into(), value.into());
    }

    /// A grant of an hour for alice, from now on.
    fn grant(&self, role: &str) -> Grant {
        let now = clock::now();
        Grant {
            id: GrantId::new(now, keys::random().unwrap()),
            principal: Principal::new(Class::Human, "alice@example.com").unwrap(),
            entitlement: format!("{}:{role}", self.name).parse().unwrap(),
            granted_at: now,
            expires_at: now.after(Duration::from_hours(1)),
            credential_ttl: Duration::from_mins(10),
            policies: vec![],
            break_glass: false,
            chain: Vec::new(),
        }
    }

    fn site(&self) -> Site<'_> {
        Site {
            authority: Some(&self.authority),
            also: &[],
            issuer: Some(Issuer {
                url: ISSUER,
                key: &self.issuer,
                certificate_authority: None,
            }),
            directory: self.directory(),
            environment: &self.environment,
            now: clock::now(),
        }
    }

    fn directory(&self) -> &Path {
        self.environment.home.as_deref().unwrap()
    }

    async fn issue(&self, grant: &Grant) -> Result<Credential> {
        self.issue_at(grant, clock::now()).await
    }

    async fn issue_at(&self, grant: &Grant, now: Timestamp) -> Result<Credential> {
        let order = Order {
            grant,
            public_key: self.client.public(),
            serial: u64::from_be_bytes(keys::random().unwrap()) >> 1,
            now,
        };
        issuers::issue(&self.resource, &order, &self.site()).await
    }

    async fn revoke(&self, grant: &Grant) -> Result<Revocation> {
        issuers::revoke(&self.resource, grant, &self.site()).await
    }

    fn trust(&self) -> String {
        issuers::trust(&self.name, &self.resource, &self.site()).unwrap()
    }

    fn removal(&self) -> String {
        removal(&self.name, &self.resource, &self.site()).unwrap()
    }

    /// The client's private key in a file, PKCS#8 as openssl and libpq read it.
    fn client_key(&self) -> PathBuf {
        // RFC 8410, section 7: the frame around 32 bytes of an Ed25519 seed.
        let frame = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
        let der = [frame.as_slice(), self.client.expose_seed()].concat();
        let text = STANDARD.encode(der);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        self.home.write("client.key", &pem)
    }
}
