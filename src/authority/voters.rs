//! Those who approved a request earlier: at each later yes policy is asked again whether they still may.

use super::{Authority, Client, approvers::alone};
use crate::domain::{
    elevation::Elevation,
    event::Origin,
    failure::Result,
    principal::{Caller, Principal},
    time::Timestamp,
    vote::Approval,
};

/// The earlier approvers of a request.
pub(super) struct Voters {
    /// Those who still may approve it, as policy was asked about them.
    pub(super) standing: Vec<Caller>,
    /// Those whose yes counts no more.
    pub(super) lost: Vec<Principal>,
}

/// The client's yes, with what policy is asked about it later.
pub(super) fn approval(client: &Client, comment: Option<&str>, now: Timestamp) -> Approval {
    Approval {
        by: client.caller.principal.clone(),
        at: now,
        comment: comment.map(str::to_owned),
        caller: Some(client.caller.clone()),
        address: client.origin.address,
    }
}

impl Authority {
    /// The earlier approvers of an elevation: who is not disabled and may still approve it, in the groups that
    /// they were in then and did not lose since, from the address and by the sign-in of then.
    pub(super) async fn voters(&self, client: &Client, elevation: &Elevation) -> Result<Voters> {
        let mut voters = Voters {
            standing: Vec::new(),
            lost: Vec::new(),
        };
        let approvals = elevation
            .vote()
            .into_iter()
            .flat_map(|vote| &vote.approvals);
        for approval in approvals {
            match self.voter(client, elevation, approval).await? {
                Some(caller) => voters.standing.push(caller),
                None => voters.lost.push(approval.by.clone()),
            }
        }
        Ok(voters)
    }

    async fn voter(
        &self,
        client: &Client,
        elevation: &Elevation,
        approval: &Approval,
    ) -> Result<Option<Caller>> {
        let known = self.store.principal(&approval.by, (self.clock)()).await?;
        let Some(known) = known.filter(|known| known.disabled_at.is_none()) else {
            return Ok(None);
        };
        let newest = known.caller.newest_groups.clone();
        let then = approval.caller.clone().unwrap_or(known.caller);
        let voter = Client {
            origin: Origin {
                address: approval.address,
                ..Origin::default()
            },
            ..alone(client, then.narrowed(newest))
        };
        let may = self.might_approve_at(&voter, elevation, approval.at);
        Ok(may.then_some(voter.caller))
    }
}
