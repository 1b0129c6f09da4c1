//! Handing something on to an agent, at a server.

use reqwest::Method;

use super::{link::Call, session::Remote};
use crate::{
    domain::failure::Result,
    protocol::{
        delegation::{DelegationRequest, DelegationView},
        path,
    },
};

impl Remote {
    /// A session for an agent, below the caller's own.
    pub async fn delegate(&self, request: &DelegationRequest) -> Result<DelegationView> {
        self.post(path::DELEGATIONS, request).await
    }

    /// Ends the caller's own session, and all below it.
    pub async fn end_session(&self) -> Result<()> {
        let call = Call {
            method: Method::DELETE,
            ..Call::get(path::SESSION, self.shown())
        };
        self.call(&call).await.map(drop)
    }
}
