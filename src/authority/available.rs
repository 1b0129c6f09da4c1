//! What a caller could have, and what each entitlement takes: a justification, people, an emergency.

use super::{Authority, Client, request::Ask};
use crate::{
    domain::{
        decision::{Decision, Verdict},
        elevation::DEFAULT_TTL,
        entitlement::{Entitlement, Tier},
    },
    protocol::entitlement::{DecidedBy, EntitlementView},
};

impl Authority {
    /// Each entitlement that the caller could have, sorted by name. It takes a processor for as long as the
    /// catalogue is large.
    pub fn available(&self, client: &Client) -> Vec<EntitlementView> {
        let part = self.part(client);
        let all = part.iter().flat_map(|(name, resource)| {
            resource.roles().map(|(role, tier)| {
                let entitlement = Entitlement {
                    resource: name.clone(),
                    role: role.clone(),
                };
                (entitlement, tier)
            })
        });
        all.filter_map(|(entitlement, tier)| self.view(client, entitlement, tier))
            .collect()
    }

    fn view(
        &self,
        client: &Client,
        entitlement: Entitlement,
        tier: Tier,
    ) -> Option<EntitlementView> {
        let mut ask = Ask {
            justification: Some("a reason".to_owned()),
            ..Ask::new(entitlement)
        };
        let now = (self.clock)();
        let usual = self.decide(client, &ask, tier, now);
        let usual = self.decided_by(&usual).map(|by| (by, usual));
        let (decided_by, decision) = usual.or_else(|| {
            ask.break_glass = true;
            let emergency = self.decide(client, &ask, tier, now);
            (emergency.verdict == Verdict::Allow).then_some((DecidedBy::BreakGlass, emergency))
        })?;
        let duties = decision.obligations;
        Some(EntitlementView {
            entitlement: ask.entitlement,
            tier,
            decided_by,
            justification: duties.justification,
            approvals: match decided_by {
                DecidedBy::People => duties.approvals.unwrap_or(1),
                DecidedBy::Policy | DecidedBy::SignIn | DecidedBy::BreakGlass => 0,
            },
            ttl: duties.ttl.unwrap_or(DEFAULT_TTL).as_secs(),
        })
    }

    fn decided_by(&self, decision: &Decision) -> Option<DecidedBy> {
        match decision.verdict {
            Verdict::Allow => Some(DecidedBy::Policy),
            Verdict::RequireApproval => self.approvers.then_some(DecidedBy::People),
            Verdict::Deny => decision.sign_in.is_some().then_some(DecidedBy::SignIn),
        }
    }
}
