//! What may be used once: tokens of others that were exchanged, proofs of possession, codes.

use std::time::Duration;

pub use super::conditions::{is_unspent as is_new, spend};
use super::{database::Statement, open::Store};
use crate::domain::{failure::Result, time::Timestamp};

/// How long it is remembered beyond its own end, since clocks differ.
const MARGIN: Duration = Duration::from_mins(10);

impl Store {
    /// Whether it was used already.
    pub async fn is_spent(&self, id: &str) -> Result<bool> {
        let select = Statement::new("select 1 from spent where id = $1", [id.into()]);
        let rows = self.database.rows(&select).await?;
        Ok(!rows.is_empty())
    }

    /// Forgets what could not be used any more anyway.
    pub async fn forget_spent(&self, now: Timestamp) -> Result<()> {
        let long_ago = now.before(MARGIN).millis();
        let delete = Statement::new("delete from spent where expires_at < $1", [long_ago.into()]);
        self.database.run(&delete).await.map(drop)
    }
}
