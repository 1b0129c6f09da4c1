//! The part of a server's catalogue that the caller may see.

use super::{
    link::{Call, MANY},
    session::Remote,
};
use crate::{
    domain::failure::Result,
    protocol::{
        catalogue::CatalogueView,
        entitlement::{EntitlementList, EntitlementView},
        path,
    },
};

impl Remote {
    /// The catalogue, as the server says it; whoever keeps it checks it.
    pub async fn catalogue(&self) -> Result<CatalogueView> {
        let call = Call {
            most: MANY,
            ..Call::get(path::RESOURCES, self.shown())
        };
        self.call(&call).await?.json()
    }

    /// What the caller could have, and what each entitlement takes.
    pub async fn entitlements(&self) -> Result<Vec<EntitlementView>> {
        let call = Call {
            most: MANY,
            ..Call::get(path::ENTITLEMENTS, self.shown())
        };
        let list: EntitlementList = self.call(&call).await?.json()?;
        Ok(list.entitlements)
    }
}
