//! What people say to requests of others, at a server.

use std::time::Duration;

use super::{
    link::{Call, MANY},
    session::Remote,
};
use crate::{
    domain::{entitlement::Entitlement, failure::Result, id::GrantId},
    protocol::{
        approval::ApprovalRequest,
        elevation::{ElevationList, ElevationView},
        path,
    },
};

impl Remote {
    /// What waits for the caller's approval, the oldest first.
    pub async fn to_approve(&self) -> Result<Vec<ElevationView>> {
        self.listed(Call::get(path::APPROVALS, self.shown())).await
    }

    /// Says yes or no to a request; how it stands then.
    pub async fn answer(&self, id: &GrantId, said: &ApprovalRequest) -> Result<ElevationView> {
        let path = path::of(path::APPROVAL, &[id.as_str()]);
        self.post(path, said).await
    }

    /// The caller's own request for an entitlement that waits for people.
    pub async fn pending(&self, entitlement: &Entitlement) -> Result<Option<ElevationView>> {
        let call = Call::get(path::ELEVATIONS, self.shown());
        let call = call.with("state", Some("pending".to_owned()));
        let mut all = self.listed(call).await?.into_iter();
        Ok(all.find(|one| one.entitlement == *entitlement))
    }

    /// The same elevation once something about it has changed, or after `patience`.
    pub async fn watch(&self, id: &GrantId, patience: Duration) -> Result<ElevationView> {
        let path = path::of(path::ELEVATION, &[id.as_str()]);
        let call = Call {
            waits: patience,
            ..Call::get(path, self.shown())
        };
        let call = call.with("wait", Some(patience.as_secs().to_string()));
        self.call(&call).await?.json()
    }

    async fn listed(&self, call: Call<'_>) -> Result<Vec<ElevationView>> {
        let call = Call { most: MANY, ..call };
        let list: ElevationList = self.call(&call).await?.json()?;
        Ok(list.elevations)
    }
}
