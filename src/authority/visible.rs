//! The elevations that a caller may see. What is somebody else's is not there at all.

use super::{Authority, Client};
use crate::{
    domain::{
        elevation::Elevation,
        failure::{Failure, Nature, Result},
        id::GrantId,
        principal::Principal,
    },
    policy::vocabulary::Action,
};

impl Authority {
    /// An elevation that the caller asked for, may approve or may read about.
    ///
    /// # Errors
    /// There is none of that id, as far as this caller is told.
    pub async fn visible(&self, client: &Client, id: &GrantId) -> Result<Elevation> {
        let found = self.store.elevation(id, (self.clock)()).await?;
        let found = found.ok_or_else(|| absent(id))?;
        let visible = client.owns(&found.request)
            || self.may_approve(client, &found)
            || self.permits(Action::Revoke, client, &found)
            || self.permits(Action::Audit, client, &found);
        if visible { Ok(found) } else { Err(absent(id)) }
    }

    /// The elevation that the principal asked for, on behalf of `chain`.
    ///
    /// # Errors
    /// There is none ([`Nature::Absent`]): what is somebody else's is not there at all.
    pub async fn own(
        &self,
        principal: &Principal,
        chain: &[Principal],
        id: &GrantId,
    ) -> Result<Elevation> {
        self.store
            .elevation(id, (self.clock)())
            .await?
            .filter(|elevation| elevation.request.is_of(principal, chain))
            .ok_or_else(|| {
                Failure::usage(format!("there is no grant {id} of {principal}"))
                    .hint("\"jit status\" lists what you hold")
                    .of_nature(Nature::Absent)
            })
    }
}

/// There is no such elevation, as far as the caller is told.
pub(super) fn absent(id: &GrantId) -> Failure {
    Failure::usage(format!("there is no elevation {id} that you may see"))
        .of_nature(Nature::Absent)
        .hint("\"jit status\" lists what you hold, \"jit approvals\" what waits for you")
}
