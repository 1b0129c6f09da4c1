//! What targets must be given to trust this authority, and certificates for hosts that clients trust.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Authority, Client, ca_purpose};
use crate::{
    domain::{
        entitlement::{Entitlement, ResourceName},
        event::{Event, EventKind},
        failure::{Failure, Result},
        host,
        id::GrantId,
        key::PrivateKey,
    },
    issuers::{
        self,
        order::Site,
        removal::removal,
        ssh_host::{self, HostKey, HostOrder},
    },
    platform::keys,
    store::ledger::Appended,
    tools::ssh::{
        resolve::Resolved,
        setup::authority_line,
        target::{at, named},
    },
};

/// What an event about a host's certificate has in the place of a role: it opens no login.
const HOST: &str = "host";

/// Longer than any host keeps its key.
const LONGEST: Duration = Duration::from_hours(24 * 3660);

/// What is asked for a host.
#[derive(Clone, Debug)]
pub struct HostAsk {
    /// Its key.
    pub key: HostKey,
    /// The names and addresses that it is reached by.
    pub hosts: Vec<String>,
    /// For how long the certificate is to hold.
    pub ttl: Duration,
}

/// A host's certificate, on the way to the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostCertificate {
    /// The certificate in OpenSSH's one-line form.
    pub line: String,
    /// A shell script that brings it into use.
    pub script: String,
}

impl Authority {
    /// What the target's administrator must apply to trust this authority.
    pub async fn trust(&self, name: &ResourceName) -> Result<String> {
        let resource = self.catalogue.resource(name)?;
        let signing = self.signing(name, resource).await?;
        let also = self.also(name).await?;
        let site = Site {
            also: &also,
            ..self.site(Some(&signing))
        };
        issuers::trust(name, resource, &site)
    }

    /// What the target's administrator must apply to trust this authority no more.
    pub async fn trust_removal(&self, name: &ResourceName) -> Result<String> {
        let resource = self.catalogue.resource(name)?;
        let signing = self.signing(name, resource).await?;
        removal(name, resource, &self.site(Some(&signing)))
    }

    /// The keys of the resource's authority that are to be trusted beside the one that signs.
    async fn also(&self, name: &ResourceName) -> Result<Vec<PrivateKey>> {
        let purpose = ca_purpose(name);
        self.store.other_keys(&purpose, (self.clock)()).await
    }

    /// Only the key or certificate that the target must trust.
    pub async fn trust_ca(&self, name: &ResourceName) -> Result<String> {
        let resource = self.catalogue.resource(name)?;
        let signing = self.signing(name, resource).await?;
        let also = self.also(name).await?;
        let site = Site {
            also: &also,
            ..self.site(Some(&signing))
        };
        issuers::trust_ca(name, resource, &site)
    }

    /// The public keys of the resource's host authority, a line each, if it has vouched for a host: the
    /// certificates of hosts outlive the keys that signed them.
    pub async fn host_ca(&self, name: &ResourceName) -> Result<Option<String>> {
        let purpose = host_purpose(name);
        let keys = self.store.public_keys(&purpose, (self.clock)()).await?;
        let lines = keys.into_iter().map(|key| ssh_host::host_ca(name, key));
        let lines: String = lines.collect::<Result<_>>()?;
        Ok((!lines.is_empty()).then_some(lines))
    }

    /// Vouches for a host of a resource: its key is that of these names. The certificate leaves after
    /// the event that explains it is on the disk.
    ///
    /// # Errors
    /// Usage, where a name is none, or is no host of that resource; where it is asked for too long.
    pub async fn certify_host(
        &self,
        client: &Client,
        name: &ResourceName,
        ask: &HostAsk,
    ) -> Result<HostCertificate> {
        let certified = self.try_certify_host(client, name, ask);
        self.answer_once(client, certified).await
    }

    async fn try_certify_host(
        &self,
        client: &Client,
        name: &ResourceName,
        ask: &HostAsk,
    ) -> Result<Option<HostCertificate>> {
        let (_, resource) = named(&self.catalogue, name)?;
        let hosts = self.hosts_of(name, &ask.hosts)?;
        if ask.ttl > LONGEST {
            return Err(
                Failure::usage("a host's certificate holds for ten years at most")
                    .hint("make it shorter: --ttl 8760h is a year"),
            );
        }
        let authority = self
            .store
            .signing_key(&host_purpose(name), (self.clock)())
            .await?;
        let signing = authority.into();
        let site = self.site(Some(&signing));
        let id = GrantId::new(site.now, keys::random()?);
        let order = HostOrder {
            id: &id,
            key: &ask.key,
            hosts: &hosts,
            serial: (u64::from_be_bytes(keys::random()?) >> 1).max(1),
            expires_at: site.now.after(ask.ttl),
        };
        let line = ssh_host::issue(&order, &site)?;
        let event = Event {
            entitlement: Some(Entitlement {
                resource: name.clone(),
                role: HOST.parse()?,
            }),
            credential: Some(order.serial.to_string()),
            expires_at: Some(order.expires_at),
            detail: Some(format!(
                "{} has {}",
                hosts.join(", "),
                ask.key.fingerprint()
            )),
            ..Event::new(
                EventKind::HostCertified,
                site.now,
                id.clone(),
                client.caller.principal.clone(),
                client.origin.clone(),
            )
        };
        let trusted = self.host_ca(name).await?.unwrap_or_default();
        let trusted = authority_line(resource, &trusted);
        let certificate = HostCertificate {
            script: ssh_host::script(name, &order, &line, &trusted),
            line,
        };
        let append = client.append(event);
        let append = self.idempotency(client).finish(append, &certificate)?;
        let is_first = self.store.ledger().append(append).await? == Appended::Written;
        Ok(is_first.then_some(certificate))
    }

    /// The names as a certificate has them: those of hosts of that resource, and of no other.
    fn hosts_of(&self, name: &ResourceName, hosts: &[String]) -> Result<Vec<String>> {
        if hosts.is_empty() {
            return Err(
                Failure::usage("a host's certificate needs the name of a host")
                    .hint("name each host that has the key: web-1.example.com"),
            );
        }
        let checked = hosts.iter().map(|text| {
            if !host::is_name(text) {
                return Err(Failure::usage(format!("{text:?} is no name of a host"))
                    .hint("name each host by itself, without * and without a port"));
            }
            let resolved = Resolved::plain(text);
            match at(&self.catalogue, &resolved)? {
                Some((found, _)) if found == name => Ok(text.to_ascii_lowercase()),
                _ => Err(Failure::usage(format!("{text} is no host of {name}"))
                    .hint("correct the name, or `hosts` in authority.toml")),
            }
        });
        checked.collect()
    }
}

fn host_purpose(name: &ResourceName) -> String {
    format!("host ca {name}")
}
