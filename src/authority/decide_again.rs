//! Policy asked again before each credential but the first, so that a change of policy bites within one
//! credential's TTL.

use std::time::Duration;

use super::{Authority, Client, refusal::refusal, request::Ask};
use crate::domain::{decision::Verdict, elevation::Elevation, event::EventKind, failure::Result};

impl Authority {
    /// Asks policy anew; what it says of credentials. What people had to approve is what they approved.
    pub(super) async fn decide_again(
        &self,
        client: &Client,
        elevation: &Elevation,
    ) -> Result<Option<Duration>> {
        let request = &elevation.request;
        let ask = Ask::of(request);
        let tier = self.catalogue.tier(&ask.entitlement)?;
        let decision = self.decide(client, &ask, tier, (self.clock)());
        let needed = decision.obligations.approvals.unwrap_or(1);
        match decision.verdict {
            Verdict::Allow => return Ok(decision.obligations.credential_ttl),
            Verdict::RequireApproval if elevation.is_approved(needed) => {
                return Ok(decision.obligations.credential_ttl);
            }
            Verdict::RequireApproval | Verdict::Deny => {}
        }
        let mut event = self.event(EventKind::Denied, elevation, &client.origin);
        event.verdict = Some(decision.verdict);
        event.policies.clone_from(&decision.policies);
        event.detail.clone_from(&decision.reason);
        // Where the elevation is stays as it is: somebody may have taken a step meanwhile.
        let append = client.append(event);
        self.store.ledger().append(append).await?.or_conflict()?;
        Err(refusal(elevation, &decision))
    }
}
