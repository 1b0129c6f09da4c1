//! What a target must be given to trust a server's authority.

use super::{
    link::{Body, Call},
    session::Remote,
};
use crate::{
    domain::{entitlement::ResourceName, failure::Result},
    protocol::{
        path,
        trust::{HostRequest, HostView},
    },
};

impl Remote {
    /// What the target's administrator must apply.
    pub async fn trust(&self, name: &ResourceName) -> Result<String> {
        self.call(&self.about(name)).await?.text()
    }

    /// Only the key or certificate.
    pub async fn trust_ca(&self, name: &ResourceName) -> Result<String> {
        let call = self.about(name).with("ca", Some("true".to_owned()));
        self.call(&call).await?.text()
    }

    /// What the target's administrator must apply to trust the server no more.
    pub async fn trust_removal(&self, name: &ResourceName) -> Result<String> {
        let call = self.about(name).with("remove", Some("true".to_owned()));
        self.call(&call).await?.text()
    }

    /// Has a host vouched for.
    pub async fn certify_host(&self, name: &ResourceName, host: &HostRequest) -> Result<HostView> {
        let call = Call::post(path_of(name), Body::json(host)?, self.shown());
        let reply = self.call(&call).await?;
        let view: HostView = reply.json()?;
        reply.shown(&view.line)?;
        reply.shown(&view.script)?;
        Ok(view)
    }

    fn about(&self, name: &ResourceName) -> Call<'_> {
        Call::get(path_of(name), self.shown())
    }
}

fn path_of(name: &ResourceName) -> String {
    path::of(path::TRUST, &[name.kind().as_str(), name.name()])
}
