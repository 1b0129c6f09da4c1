//! How much is there of what an operator watches: by the columns alone, since nothing is decided by it.

use super::{database::Statement, open::Store};
use crate::domain::{failure::Result, time::Timestamp};

/// What there is at an instant, in the whole database: all replicas count the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Grants that give their right.
    pub live_grants: i64,
    /// Requests that wait for people.
    pub pending_requests: i64,
    /// Grants that are over and whose targets are still to be told.
    pub owed_revocations: i64,
}

impl Store {
    /// Counts it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn counts(&self, now: Timestamp) -> Result<Counts> {
        let select = Statement::new(
            "select (select count(*) from elevations where state = 'granted' and expires_at > $1),
                (select count(*) from elevations where state = 'pending' and expires_at > $1),
                (select count(*) from elevations where settled = 0 and expires_at <= $1)",
            [now.millis().into()],
        );
        let rows = self.database.rows(&select).await?;
        let count = |column| rows.first().map_or(Ok(0), |row| row.int(column));
        Ok(Counts {
            live_grants: count(0)?,
            pending_requests: count(1)?,
            owed_revocations: count(2)?,
        })
    }
}
