//! What an issuer is given and gives back.

use std::{path::Path, time::Duration};

use crate::domain::{
    elevation::Grant,
    entitlement::ResourceName,
    environment::Environment,
    failure::{Failure, Result},
    key::{PrivateKey, PublicKey},
    time::Timestamp,
};

/// How long a target may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One credential, asked for under a live grant.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The right that it is made for.
    pub grant: &'a Grant,
    /// The client's key: what a certificate is made for. Its private half never leaves the client.
    pub public_key: PublicKey,
    /// A number that no other credential has; never zero, 63 bits so that every format holds it.
    pub serial: u64,
    /// The instant.
    pub now: Timestamp,
}

impl Order<'_> {
    /// When the credential must end: after the grant's credential TTL, and never after the grant.
    pub fn expires_at(&self) -> Timestamp {
        let end = self.now.after(self.grant.credential_ttl);
        end.min(self.grant.expires_at)
    }
}

/// What an issuer finds where the authority runs.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The resource's own certificate authority: one a resource, so that a certificate for one
    /// target says nothing at another. Kinds that sign nothing have none.
    pub authority: Option<&'a PrivateKey>,
    /// The directory of `authority.toml`; relative paths start here.
    pub directory: &'a Path,
    /// The process's surroundings, for `env:` references and what the AWS SDK reads.
    pub environment: &'a Environment,
    /// The instant.
    pub now: Timestamp,
}

impl Site<'_> {
    /// The certificate authority of a kind that has one.
    pub fn signing_key(&self) -> Result<&PrivateKey> {
        self.authority
            .ok_or_else(|| Failure::failed("this resource has no certificate authority"))
    }
}

/// How far a revocation came at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The target refuses the credential from now on.
    Ended,
    /// The target cannot be told; the credential ends within its own TTL and is not renewed.
    EndsByItself,
}

/// A kind whose targets trust no key of ours.
pub fn no_ca(name: &ResourceName) -> Failure {
    Failure::usage(format!("{name} trusts no certificate of this authority"))
        .hint(format!("\"jit trust {name}\" prints what it needs"))
}
