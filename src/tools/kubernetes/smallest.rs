//! The smallest role of a cluster that covers what is done there.

use std::collections::BTreeSet;

use super::verbs::{self, Need};
use crate::{
    domain::{
        catalogue::{Catalogue, Resource},
        entitlement::ResourceName,
        failure::Result,
    },
    tools::{
        coverage::{self, Candidate, Coverage},
        task::Recognised,
    },
};

/// The smallest role that reads.
///
/// # Errors
/// Usage, where none is known to; the hint lists the roles.
pub fn reading(catalogue: &Catalogue, resource: &ResourceName) -> Result<Recognised> {
    let need = Need {
        coverage: Coverage::Reads,
        verb: "get".to_owned(),
        says: "get reads".to_owned(),
    };
    smallest(catalogue, resource, &need.says, |name, verbs| {
        verbs::covers(name, verbs, &need)
    })
}

/// The smallest role that `covers` what `says` in words, by its name and its verbs.
///
/// # Errors
/// Usage, where none is known to; the hint lists the roles.
pub(super) fn smallest(
    catalogue: &Catalogue,
    resource: &ResourceName,
    says: &str,
    covers: impl Fn(&str, &BTreeSet<String>) -> Option<Coverage>,
) -> Result<Recognised> {
    let candidates: Vec<Candidate<'_>> = match catalogue.resource(resource)? {
        Resource::Kubernetes(cluster) => cluster
            .roles
            .iter()
            .map(|(name, role)| Candidate {
                role: name,
                tier: role.tier,
                covers: covers(name.as_str(), &role.verbs),
            })
            .collect(),
        Resource::Ssh(_) | Resource::Postgres(_) | Resource::Aws(_) => Vec::new(),
    };
    coverage::smallest(resource, says, &candidates)
}
