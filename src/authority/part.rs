//! The part of the catalogue that a caller may see: what policy could give them, now or after asking.

use std::{collections::BTreeMap, time::Duration};

use super::{Authority, Client};
use crate::{
    domain::{
        catalogue::Resource,
        entitlement::{Entitlement, ResourceName, RoleName},
    },
    policy::{
        question::{Circumstances, Question},
        vocabulary::Action,
    },
};

impl Authority {
    /// The resources of which the caller could have something, each with the roles that they could
    /// have: at once, by asking people, or in an emergency.
    pub fn part(&self, client: &Client) -> BTreeMap<ResourceName, Resource> {
        let mut part = self.catalogue.resources.0.clone();
        part.retain(|name, resource| {
            let roles: Vec<RoleName> = resource.roles().map(|(role, _)| role.clone()).collect();
            for role in roles {
                let entitlement = Entitlement {
                    resource: name.clone(),
                    role,
                };
                if !self.could_have(client, &entitlement) {
                    resource.remove(&entitlement.role);
                }
            }
            resource.roles().next().is_some()
        });
        part
    }

    /// Whether the caller may see that resource.
    pub fn may_see(&self, client: &Client, name: &ResourceName) -> bool {
        let resource = self.catalogue.resources.0.get(name);
        resource.is_some_and(|resource| {
            resource.roles().any(|(role, _)| {
                let entitlement = Entitlement {
                    resource: name.clone(),
                    role: role.clone(),
                };
                self.could_have(client, &entitlement)
            })
        })
    }

    /// Whether any policy gives it, whatever it obliges to: a reason, a sign-in just now.
    fn could_have(&self, client: &Client, entitlement: &Entitlement) -> bool {
        let Ok(tier) = self.catalogue.tier(entitlement) else {
            return false;
        };
        let chain = client.written_chain();
        let question = Question {
            caller: &client.caller,
            entitlement,
            tier,
            labels: self.labels(entitlement),
            justification: Some("a reason"),
            ttl: None,
            break_glass: false,
            verb: None,
            circumstances: Circumstances {
                address: client.origin.address,
                // How old it is would be mended by signing in.
                sign_in_age: Some(Duration::ZERO),
                chain: &chain,
                of_another: false,
            },
            now: (self.clock)(),
        };
        let ways = [Action::Elevate, Action::Request, Action::BreakGlass];
        let permits = |action| self.policies.permits(action, &question).is_permitted();
        client.may_ask(entitlement) && ways.into_iter().any(permits)
    }
}
