//! What the caller holds at a server, and its early end.

use super::{
    link::{Body, Call, MANY},
    session::Remote,
};
use crate::{
    domain::{failure::Result, id::GrantId},
    protocol::{
        elevation::{ElevationList, ElevationView, JustificationRequest, RevocationView},
        path,
    },
};

impl Remote {
    /// What the caller holds and waits for, with some who may approve it, and what people denied to them
    /// lately; the newest first.
    pub async fn current(&self) -> Result<Vec<ElevationView>> {
        let call = Call {
            most: MANY,
            ..Call::get(path::ELEVATIONS, self.shown())
        };
        let call = call
            .with("current", Some("true".to_owned()))
            .with("approvers", Some("true".to_owned()));
        let list: ElevationList = self.call(&call).await?.json()?;
        Ok(list.elevations)
    }

    /// One elevation of the caller, with how it ended.
    pub async fn elevation(&self, id: &GrantId) -> Result<ElevationView> {
        self.get(path::of(path::ELEVATION, &[id.as_str()])).await
    }

    /// Gives a further reason for a grant or a request.
    pub async fn justify(&self, id: &GrantId, why: &str) -> Result<()> {
        let said = JustificationRequest {
            justification: why.to_owned(),
        };
        let path = path::of(path::JUSTIFICATION, &[id.as_str()]);
        let call = Call::post(path, Body::json(&said)?, self.shown());
        self.call(&call).await.map(drop)
    }

    /// Ends a grant, or gives up what is pending.
    pub async fn revoke(&self, id: &GrantId) -> Result<RevocationView> {
        let path = path::of(path::REVOCATION, &[id.as_str()]);
        let call = Call::post(path, Body::Nothing, self.shown());
        self.call(&call).await?.json()
    }
}
