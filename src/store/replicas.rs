//! The replicas that run on one database, and which policies and which catalogue each has in force. What a
//! replica says here is shown to people and decides nothing.

use std::time::Duration;

use super::{
    database::{Database, Row, Statement},
    open::Store,
};
use crate::domain::{failure::Result, time::Timestamp};

/// How long a replica counts as running after it was last heard of.
const RUNNING: Duration = Duration::from_secs(45);

/// A replica, and what it has in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// What it is known by: its host and port.
    pub name: String,
    /// The digest of its policies.
    pub policies: String,
    /// The digest of its catalogue.
    pub catalogue: String,
}

impl Store {
    /// Whether other processes may serve the same database.
    pub const fn has_replicas(&self) -> bool {
        matches!(self.database, Database::Postgres(_))
    }

    /// Publishes what a replica has in force, and forgets those that are long gone.
    pub async fn publish_replica(&self, replica: &Replica, now: Timestamp) -> Result<()> {
        let upsert = "insert into replicas (name, seen_at, policies, catalogue)
             values ($1, $2, $3, $4)
             on conflict (name) do update set seen_at = excluded.seen_at,
             policies = excluded.policies, catalogue = excluded.catalogue";
        let values = [
            replica.name.as_str().into(),
            now.millis().into(),
            replica.policies.as_str().into(),
            replica.catalogue.as_str().into(),
        ];
        self.database.run(&Statement::new(upsert, values)).await?;
        let gone = "delete from replicas where seen_at < $1";
        let before = now.before(RUNNING * 20).millis();
        let gone = Statement::new(gone, [before.into()]);
        self.database.run(&gone).await.map(drop)
    }

    /// The replicas that run, by name.
    pub async fn replicas(&self, now: Timestamp) -> Result<Vec<Replica>> {
        let select = "select name, policies, catalogue from replicas
             where seen_at >= $1 order by name";
        let since = now.before(RUNNING).millis();
        let rows = self
            .database
            .rows(&Statement::new(select, [since.into()]))
            .await?;
        rows.iter().map(replica).collect()
    }

    /// Takes a replica off the list, as it ends.
    pub async fn withdraw_replica(&self, name: &str) -> Result<()> {
        let gone = Statement::new("delete from replicas where name = $1", [name.into()]);
        self.database.run(&gone).await.map(drop)
    }
}

fn replica(row: &Row) -> Result<Replica> {
    Ok(Replica {
        name: row.text(0)?.to_owned(),
        policies: row.text(1)?.to_owned(),
        catalogue: row.text(2)?.to_owned(),
    })
}
