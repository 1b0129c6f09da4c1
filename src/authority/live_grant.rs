//! A live grant as a credential is made under it.

use std::{borrow::Cow, time::Duration};

use super::Authority;
use crate::{
    domain::{
        credential::Credential, elevation::Grant, entitlement::Kind, failure::Result,
        key::PublicKey, time::Timestamp,
    },
    issuers::{self, order::Order},
    platform::keys,
};

/// A live grant, what the policies that allow it now say of its credentials, and what the client wants.
pub(super) struct LiveGrant<'a> {
    pub(super) grant: &'a Grant,
    /// `@credential_ttl` of these policies; none where they have none.
    pub(super) credential_ttl: Option<Duration>,
    /// Whether the credential is kept to the end of a program that cannot ask for another.
    pub(super) keeps_credential: bool,
}

impl LiveGrant<'_> {
    /// The grant with the length of a credential that the client wants. One that a program keeps to its own
    /// end is as long as the grant where nothing but the default would make it shorter. Only AWS has such
    /// programs; what STS allows, its issuer finds out.
    fn for_client(&self, now: Timestamp) -> Cow<'_, Grant> {
        let is_kept = self.keeps_credential && self.grant.entitlement.resource.kind() == Kind::Aws;
        if !is_kept || self.credential_ttl.is_some() {
            return Cow::Borrowed(self.grant);
        }
        Cow::Owned(Grant {
            credential_ttl: self.grant.expires_at.left(now),
            ..self.grant.clone()
        })
    }
}

impl Authority {
    /// Makes a credential under a live grant.
    pub(super) async fn make_credential(
        &self,
        public_key: PublicKey,
        live: &LiveGrant<'_>,
    ) -> Result<Credential> {
        let name = &live.grant.entitlement.resource;
        let resource = self.catalogue.resource(name)?;
        let signing = self.signing(name, resource).await?;
        let grant = live.for_client((self.clock)());
        let order = Order {
            grant: &grant,
            public_key,
            serial: (u64::from_be_bytes(keys::random()?) >> 1).max(1),
            now: (self.clock)(),
        };
        // Boxed, since the AWS SDK makes it large.
        let site = self.site(Some(&signing));
        Box::pin(issuers::issue(resource, &order, &site)).await
    }
}
