//! The targets, really tried: a lease of the smallest role that can be had without a word, used as a
//! tool would use it, and given back.

mod hosts;
mod lease;
mod servers;

use super::{clock, finding::Finding, ground::Ground};
use crate::{
    app::embedded::block_on,
    domain::{catalogue::Resource, entitlement::ResourceName, failure::Result, time::Timestamp},
    issuers,
    tools::postgres::overlay,
};

/// Tries one target.
pub(super) fn look(name: &ResourceName, ground: &Ground) -> Vec<Finding> {
    let Ok(resource) = ground.catalogue.resource(name) else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = unverified(name, resource, ground).into_iter().collect();
    findings.extend(match lease::take(name, resource, ground) {
        Ok(held) => {
            let mut findings = used(name, resource, &held, ground);
            findings.extend(lease::give_back(&held, ground));
            findings
        }
        Err(finding) => vec![finding],
    });
    // Where it cannot be asked, the lines above say why.
    if let Ok(Some((here, there))) = instants(name, resource, ground) {
        findings.push(clock::compare(name, here, there));
    }
    findings
}

/// What nothing verifies at a target of a server's catalogue; of one on this machine the check of the
/// configuration says it.
fn unverified(name: &ResourceName, resource: &Resource, ground: &Ground) -> Option<Finding> {
    let Resource::Postgres(server) = resource else {
        return None;
    };
    ground.server.as_ref()?;
    let says = overlay::unverified(server)?;
    Some(
        Finding::warning(name, says).hint(
            "name the file of its authority in authority.toml: certificate_authority = \"FILE\"",
        ),
    )
}

fn used(
    name: &ResourceName,
    resource: &Resource,
    held: &lease::Held,
    ground: &Ground,
) -> Vec<Finding> {
    let lease = &held.lease;
    match resource {
        Resource::Ssh(hosts) => hosts::look(name, (resource, hosts), lease, ground),
        Resource::Kubernetes(cluster) => vec![servers::kubernetes(name, cluster, lease, ground)],
        Resource::Postgres(server) => servers::postgres(name, (resource, server), lease, ground),
        // That STS gave the session is the proof.
        Resource::Aws(account) => vec![servers::aws(name, account, lease)],
    }
}

/// The instant here and at the target, of those that tell it to anybody.
fn instants(
    name: &ResourceName,
    resource: &Resource,
    ground: &Ground,
) -> Result<Option<(Timestamp, Timestamp)>> {
    let session = &ground.session;
    let site = servers::site(session);
    let there = match resource {
        Resource::Kubernetes(cluster) => {
            block_on(issuers::kubernetes::clock(name, cluster, &site))??
        }
        Resource::Aws(account) => block_on(issuers::aws::clock(name, account, &site))??,
        // PostgreSQL tells it to whoever has logged in; sshd to nobody.
        Resource::Ssh(_) | Resource::Postgres(_) => None,
    };
    Ok(there.map(|there| ((session.clock)(), there)))
}
