//! What policy permits a caller to do, and everybody whom the caller acts for: approve, revoke, audit,
//! delegate.

use super::{
    Authority, Client,
    decide::{Hop, Matter},
    request::Ask,
};
use crate::{
    domain::{
        elevation::Elevation,
        entitlement::{Entitlement, Tier},
        principal::Class,
        time::Timestamp,
    },
    policy::{decide::Ruling, vocabulary::Action},
};

impl Authority {
    /// Whether policy lets the caller do that to an elevation, and everybody whom the caller acts for. A
    /// machine approves only where a policy speaks of it as a machine: being in a group of people is not
    /// enough.
    pub(super) fn permits(&self, action: Action, client: &Client, elevation: &Elevation) -> bool {
        self.permits_seen_at(action, client, elevation, (self.clock)())
    }

    /// The same, with the age of the sign-in as it was at that time.
    pub(super) fn permits_seen_at(
        &self,
        action: Action,
        client: &Client,
        elevation: &Elevation,
        seen_at: Timestamp,
    ) -> bool {
        let request = &elevation.request;
        // What was taken out of the catalogue has no tier to decide by.
        let Ok(tier) = self.catalogue.tier(&request.entitlement) else {
            return false;
        };
        let matter = Matter {
            ask: &Ask::of(request),
            tier,
            seen_at,
            of_another: !client.owns(request),
        };
        self.line_permits(action, client, &matter)
    }

    /// Whether policy lets the caller hand an entitlement on, and everybody whom the caller acts for.
    pub(super) fn permits_delegation(
        &self,
        client: &Client,
        entitlement: &Entitlement,
        tier: Tier,
    ) -> bool {
        let matter = Matter {
            ask: &Ask::new(entitlement.clone()),
            tier,
            seen_at: (self.clock)(),
            of_another: false,
        };
        self.line_permits(Action::Delegate, client, &matter)
    }

    fn line_permits(&self, action: Action, client: &Client, matter: &Matter<'_>) -> bool {
        let permits = |hop: &Hop<'_>| {
            let question = self.question(client, hop, matter);
            let class = hop.caller.principal.class();
            match self.policies.permits(action, &question) {
                Ruling::Permitted(policies) => {
                    class == Class::Human
                        || action != Action::Approve
                        || self.policies.speak_of(class, &policies)
                }
                Ruling::Forbidden(_) | Ruling::Silent | Ruling::Broken(_) => false,
            }
        };
        client.hops().iter().all(permits)
    }
}
