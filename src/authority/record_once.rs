//! Events that are recorded once, however often what they are about happens.

use super::Authority;
use crate::{
    domain::{event::Event, failure::Result, once::Once},
    store::{
        ledger::{Actor, Append, Appended},
        spent,
    },
};

impl Authority {
    /// Records an event on the authority's own account, unless `once` was used already, here or at another
    /// replica.
    pub(super) async fn record_once(&self, once: &Once, event: Event) -> Result<()> {
        if self.store.is_spent(&once.id).await? {
            return Ok(());
        }
        let append = Append::new(event, Actor::Authority)
            .only_if(spent::is_new(once))
            .with(spent::spend(once));
        // Where it was overtaken, another request recorded it at the same time.
        let _: Appended = self.store.ledger().append(append).await?;
        Ok(())
    }
}
