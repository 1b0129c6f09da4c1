//! Which targets have let this user in: `jit doctor` records them, and `jit setup` takes no other.
//!
//! A target that was never told to trust this authority would refuse the certificates that setup has
//! its tools show, in the place of a login that works.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::session::Session;
use crate::{
    domain::{
        catalogue::{Catalogue, Resource},
        entitlement::ResourceName,
        environment::Places,
        failure::{Failure, Result},
    },
    platform::{files, keys},
};

/// By the directory of the configuration: each resource with the digest of its target.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record(BTreeMap<PathBuf, BTreeMap<String, String>>);

fn file(places: &Places) -> PathBuf {
    places.state.join("verified_targets.json")
}

fn load(places: &Places) -> Result<Record> {
    let text = files::read_trusted(&file(places))?;
    // One that cannot be read says nothing, and the next doctor makes it anew.
    let record = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(record.unwrap_or_default())
}

/// Records what is known by now of these targets: whether each has let this user in.
///
/// # Errors
/// The record cannot be written.
pub fn record<'a>(
    session: &Session,
    catalogue: &Catalogue,
    targets: impl IntoIterator<Item = (&'a ResourceName, bool)>,
) -> Result<()> {
    let mut record = load(&session.places)?;
    let configuration = session.places.configuration.clone();
    let known = record.0.entry(configuration).or_default();
    let before = known.clone();
    for (name, lets_in) in targets {
        match catalogue.resource(name) {
            Ok(resource) if lets_in => known.insert(name.to_string(), digest(resource)),
            _ => known.remove(&name.to_string()),
        };
    }
    if *known == before {
        return Ok(());
    }
    let text = serde_json::to_vec(&record).map_err(|error| {
        Failure::failed("the verified targets cannot be written").because(&error)
    })?;
    files::private_directory(&session.places.state)?;
    files::write_private(&file(&session.places), &text)
}

/// Splits a catalogue: what has let this user in, as it is described there, and the names of the rest.
///
/// # Errors
/// The record is not this user's alone.
pub fn split(
    session: &Session,
    mut catalogue: Catalogue,
) -> Result<(Catalogue, Vec<ResourceName>)> {
    let record = load(&session.places)?;
    let known = record.0.get(&session.places.configuration);
    let mut rest = Vec::new();
    catalogue.resources.0.retain(|name, resource| {
        let seen = known.and_then(|known| known.get(&name.to_string()));
        let is_verified = seen.is_some_and(|seen| *seen == digest(resource));
        if !is_verified {
            rest.push(name.clone());
        }
        is_verified
    });
    Ok((catalogue, rest))
}

/// What a target is, without its roles and labels: another one has to be seen anew.
fn digest(resource: &Resource) -> String {
    let target = match resource {
        Resource::Ssh(ssh) => format!("{:?}", ssh.hosts),
        Resource::Kubernetes(cluster) => {
            format!("{} {:?}", cluster.server, cluster.certificate_authority)
        }
        Resource::Postgres(server) => format!(
            "{:?} {:?} {:?} {:?}",
            server.hosts, server.databases, server.issuer, server.certificate_authority
        ),
        Resource::Aws(account) => format!("{} {:?}", account.account, account.endpoint),
    };
    keys::hex(&keys::sha256(target.as_bytes()))
}
