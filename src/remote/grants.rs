//! What the caller holds at a server, and its early end.

use super::{
    link::{Body, Call, MANY},
    session::Remote,
};
use crate::{
    domain::{entitlement::Entitlement, failure::Result, id::GrantId},
    issuers::order::Revocation,
    protocol::{
        elevation::{ElevationList, RevocationView},
        path,
    },
};

impl Remote {
    /// The caller's live grants: their ids, and what they are for.
    pub async fn live(&self) -> Result<Vec<(GrantId, Entitlement)>> {
        let call = Call {
            most: MANY,
            ..Call::get(path::ELEVATIONS, self.shown())
        };
        let call = call.with("state", Some("granted".to_owned()));
        let list: ElevationList = self.call(&call).await?.json()?;
        let live = list.elevations.into_iter();
        Ok(live.map(|one| (one.id, one.entitlement)).collect())
    }

    /// Ends a grant, or gives up what is pending.
    pub async fn revoke(&self, id: &GrantId) -> Result<Revocation> {
        let path = path::of(path::REVOCATION, &[id.as_str()]);
        let call = Call::post(path, Body::Nothing, self.shown());
        Ok(match self.call(&call).await?.json()? {
            RevocationView::Ended | RevocationView::Abandoned => Revocation::Ended,
            RevocationView::EndsByItself => Revocation::EndsByItself,
        })
    }
}
