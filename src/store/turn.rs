//! Whose turn it is: what one replica does for all of them.

use std::time::Duration;

use super::{open::Store, statement::Statement};
use crate::domain::{failure::Result, time::Timestamp};

impl Store {
    /// Takes the turn to do something, for as long as `ttl`; whether it was free.
    pub async fn turn(&self, what: &str, now: Timestamp, ttl: Duration) -> Result<bool> {
        let take = "insert into spent (id, expires_at) values ($1, $2)
             on conflict (id) do update set expires_at = excluded.expires_at
             where spent.expires_at <= $3";
        let values = [
            format!("turn {what}").into(),
            now.after(ttl).millis().into(),
            now.millis().into(),
        ];
        let taken = self.database.run(&Statement::new(take, values)).await?;
        Ok(taken == 1)
    }
}
