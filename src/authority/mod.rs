//! The engine that decides, issues and records. Its stories are told by the files below.

mod alert;
pub mod approve;
mod approvers;
mod available;
mod claim;
mod decide;
mod decide_again;
pub mod delegate;
pub mod discovery;
pub mod elevate;
pub mod ended;
pub mod entrance;
mod idempotency;
mod issue;
mod justify;
mod live_grant;
pub mod part;
pub mod people;
mod permit;
mod person_claims;
mod person_logout;
mod person_userinfo;
pub mod principals;
mod record_once;
pub mod refusal;
pub mod renew;
mod replay;
pub mod request;
pub mod revoke;
pub mod sessions;
mod signature;
mod stored_answer;
pub mod token;
pub mod trust;
mod visible;
mod voters;
pub mod watch;
pub mod workloads;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use crate::{
    domain::{
        catalogue::{
            AwsIssuer, AwsResource, Catalogue, KubernetesIssuer, KubernetesResource, Resource,
        },
        credential::{Credential, Token},
        elevation::{Elevation, Grant, Request},
        entitlement::{Entitlement, ResourceName},
        environment::Environment,
        event::{Event, EventKind, Origin},
        failure::Result,
        key::{EcKey, PrivateKey, PublicKey},
        lifecycle::Lifecycles,
        once::Once,
        principal::{Caller, Principal},
        session::Session,
        time::Timestamp,
    },
    issuers::order::{Issuer, Site},
    policy::set::Policies,
    store::{
        Store,
        answers::IdempotencyKey,
        ledger::{Actor, Append},
    },
};

/// What the store knows the keys of this authority's own OIDC issuer by.
const ISSUER: &str = "issuer";

/// An authority: what it may reach, by which policies, and what it remembers.
pub struct Authority {
    /// What can be reached.
    pub catalogue: Catalogue,
    /// Who may have what.
    pub policies: Policies,
    /// What happened.
    pub store: Store,
    /// The directory of `authority.toml`.
    pub directory: PathBuf,
    /// The process's surroundings.
    pub environment: Environment,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// Whether there is somebody else who could approve: the embedded authority knows one person.
    pub approvers: bool,
    /// How long sessions and grants may be, by class.
    pub lifecycles: Lifecycles,
    /// The URL that targets know this authority by as an OIDC issuer, `https://jit.example.com`, below
    /// which a server publishes its keys; absent where there is no server.
    pub issuer_url: Option<String>,
    /// The certificate authority of that server, PEM, where it is no public one.
    pub issuer_ca: Option<String>,
}

/// The keys that a resource's issuer signs with.
struct Signing {
    /// The resource's own certificate authority, for the kinds that trust one.
    authority: Option<PrivateKey>,
    /// The key of this authority's tokens, for the resources that take them.
    issuer: Option<EcKey>,
}

impl From<PrivateKey> for Signing {
    fn from(authority: PrivateKey) -> Self {
        Self {
            authority: Some(authority),
            issuer: None,
        }
    }
}

/// Who asks, from where, and with which keys; known before anything is decided.
#[derive(Clone, Debug)]
pub struct Client {
    /// Who.
    pub caller: Caller,
    /// From where.
    pub origin: Origin,
    /// The key that the token is bound to.
    pub holder: PublicKey,
    /// The key that a certificate is made for.
    pub key: PublicKey,
    /// The session that is asked in and those that delegated to it, the nearest first; none in the
    /// embedded authority.
    pub sessions: Vec<Session>,
    /// The proof of the request, which serves once; none in the embedded authority.
    pub proof: Option<Once>,
    /// Whether the credential is kept to the end of a program that cannot ask for another.
    pub keeps_credential: bool,
    /// What the request is known by when it is repeated, if it is to be done once.
    pub once: Option<IdempotencyKey>,
}

impl Client {
    /// Whom the caller acts for, the nearest first; the last one is no agent.
    pub fn chain(&self) -> Vec<Principal> {
        let hops = self.sessions.iter().skip(1);
        hops.map(|hop| hop.caller.principal.clone()).collect()
    }

    /// The chain as policies read it.
    pub(super) fn written_chain(&self) -> Vec<String> {
        self.chain().iter().map(Principal::written).collect()
    }

    /// An event on the client's account, which is recorded only while the client stands, once for the
    /// proof of its request. Whatever is recorded for a client begins here.
    fn append(&self, event: Event) -> Append {
        let proof = self.proof.as_ref();
        let sessions = &self.sessions;
        Append::new(event, Actor::Caller { sessions, proof })
    }

    /// The same for what a request records after its first append, which used its proof up.
    fn append_further(&self, event: Event) -> Append {
        let sessions = &self.sessions;
        let proof = None;
        Append::new(event, Actor::Caller { sessions, proof })
    }

    /// Whether it asked for that itself.
    pub fn owns(&self, request: &Request) -> bool {
        request.is_of(&self.caller.principal, &self.chain())
    }
}

/// What leaves the authority: the grant, its proof and a credential under it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The recorded right.
    pub grant: Grant,
    /// Its proof.
    pub token: Token,
    /// What the tool accepts.
    pub credential: Credential,
}

impl Authority {
    /// The keys that a resource's issuer signs with. A certificate for one resource says nothing at
    /// another, since no two trust the same key; a token for one says so by its audience.
    async fn signing(&self, name: &ResourceName, resource: &Resource) -> Result<Signing> {
        let now = (self.clock)();
        let takes_tokens = match resource {
            Resource::Ssh(_) | Resource::Postgres(_) => {
                let authority = self.store.signing_key(&ca_purpose(name), now).await?;
                return Ok(authority.into());
            }
            Resource::Kubernetes(KubernetesResource { issuer, .. }) => {
                *issuer == KubernetesIssuer::Oidc
            }
            Resource::Aws(AwsResource { issuer, .. }) => *issuer == AwsIssuer::WebIdentity,
        };
        let issuer = if takes_tokens && self.issuer_url.is_some() {
            Some(self.store.ec_key(ISSUER, now).await?)
        } else {
            None
        };
        Ok(Signing {
            authority: None,
            issuer,
        })
    }

    /// What an issuer finds here; without keys where nothing is signed.
    fn site<'a>(&'a self, signing: Option<&'a Signing>) -> Site<'a> {
        let key = signing.and_then(|signing| signing.issuer.as_ref());
        let issuer = self.issuer_url.as_deref().zip(key);
        Site {
            authority: signing.and_then(|signing| signing.authority.as_ref()),
            also: &[],
            issuer: issuer.map(|(url, key)| Issuer {
                url,
                key,
                certificate_authority: self.issuer_ca.as_deref(),
            }),
            directory: &self.directory,
            environment: &self.environment,
            now: (self.clock)(),
        }
    }

    /// What the catalogue says of an entitlement beside its tier.
    fn labels(&self, entitlement: &Entitlement) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        let resource = self.catalogue.resources.0.get(&entitlement.resource);
        resource.map_or(&NONE, Resource::labels)
    }

    /// An event about an elevation, now.
    fn event(&self, kind: EventKind, elevation: &Elevation, origin: &Origin) -> Event {
        let request = &elevation.request;
        Event {
            chain: request.chain.clone(),
            entitlement: Some(request.entitlement.clone()),
            justification: request.justification.clone(),
            ..Event::new(
                kind,
                (self.clock)(),
                request.id.clone(),
                request.principal.clone(),
                origin.clone(),
            )
        }
    }

    /// The milliseconds from the ask to the end of a step.
    fn took(&self, step: &str, asked_at: Timestamp) -> BTreeMap<String, u64> {
        let took = (self.clock)().left(asked_at).as_millis();
        [(step.to_owned(), u64::try_from(took).unwrap_or(u64::MAX))].into()
    }
}

/// Whose keys a resource's certificates are signed with.
fn ca_purpose(name: &ResourceName) -> String {
    format!("ca {name}")
}
