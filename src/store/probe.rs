//! A write of the store's own, by which it is known whether the next one will succeed.

use super::{database::Statement, open::Store, writes::GOOD};
use crate::domain::{failure::Result, time::Timestamp};

impl Store {
    /// Whether the database takes writes: by the last one, or where that was long ago by one of its own.
    ///
    /// # Errors
    /// It does not.
    pub async fn takes_writes(&self, now: Timestamp) -> Result<()> {
        if let Some(known) = self.database.writes().known() {
            return known;
        }
        let probe = "insert into spent (id, expires_at) values ('write probe', $1)
             on conflict (id) do update set expires_at = excluded.expires_at";
        let until = now.after(GOOD).millis();
        let mut transaction = self.database.begin().await?;
        transaction
            .run(&Statement::new(probe, [until.into()]))
            .await?;
        transaction.commit().await
    }
}
