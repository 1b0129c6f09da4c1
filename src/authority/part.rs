//! The part of the catalogue that a caller may see: what policy could give them, now or after asking.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Authority, Client};
use crate::{
    domain::{
        catalogue::Resource,
        entitlement::{Entitlement, ResourceName, RoleName},
    },
    policy::question::{Circumstances, Question, Subject},
};

impl Authority {
    /// The resources of which the caller could have something, each with the roles that they could
    /// have: at once, by asking people, or in an emergency. It takes a processor for as long as the
    /// catalogue is large.
    pub fn part(&self, client: &Client) -> BTreeMap<ResourceName, Resource> {
        let all = self.catalogue.resources.0.iter();
        let all: Vec<Entitlement> = all.flat_map(entitlements).collect();
        let obtainable = self.obtainable(client, &all);
        let mut part = self.catalogue.resources.0.clone();
        part.retain(|name, resource| {
            let roles: Vec<RoleName> = resource.roles().map(|(role, _)| role.clone()).collect();
            for role in roles {
                let entitlement = Entitlement {
                    resource: name.clone(),
                    role,
                };
                if !obtainable.contains(&entitlement) {
                    resource.remove(&entitlement.role);
                }
            }
            resource.roles().next().is_some()
        });
        part
    }

    /// Whether the caller may see that resource.
    pub fn may_see(&self, client: &Client, name: &ResourceName) -> bool {
        let resource = self.catalogue.resources.0.get_key_value(name);
        let all: Vec<Entitlement> = resource.into_iter().flat_map(entitlements).collect();
        !self.obtainable(client, &all).is_empty()
    }

    /// Those that any policy gives, whatever it obliges to: a reason, a sign-in just now.
    fn obtainable<'a>(
        &'a self,
        client: &Client,
        all: &'a [Entitlement],
    ) -> BTreeSet<&'a Entitlement> {
        let asked = all.iter().filter(|entitlement| client.may_ask(entitlement));
        let subjects: Vec<Subject<'a>> = asked
            .filter_map(|entitlement| self.subject(entitlement))
            .collect();
        let Some(first) = subjects.first() else {
            return BTreeSet::new();
        };
        let chain = client.written_chain();
        let question = Question {
            caller: &client.caller,
            entitlement: first.entitlement,
            tier: first.tier,
            labels: first.labels,
            justification: Some("a reason"),
            ttl: None,
            break_glass: false,
            verb: None,
            circumstances: Circumstances {
                address: client.origin.address,
                // How old it is would be mended by signing in.
                sign_in_age: Some(Duration::ZERO),
                sign_in: None,
                chain: &chain,
                of_another: false,
            },
            now: (self.clock)(),
        };
        let answers = self.policies.obtainable(&question, &subjects);
        let answers = subjects.iter().zip(answers);
        answers
            .filter_map(|(subject, obtainable)| obtainable.then_some(subject.entitlement))
            .collect()
    }

    fn subject<'a>(&'a self, entitlement: &'a Entitlement) -> Option<Subject<'a>> {
        Some(Subject {
            entitlement,
            tier: self.catalogue.tier(entitlement).ok()?,
            labels: self.labels(entitlement),
        })
    }
}

/// Each role of a resource.
fn entitlements<'a>(
    (name, resource): (&'a ResourceName, &'a Resource),
) -> impl Iterator<Item = Entitlement> + 'a {
    resource.roles().map(|(role, _)| Entitlement {
        resource: name.clone(),
        role: role.clone(),
    })
}
