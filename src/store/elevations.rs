//! Where each elevation is in its life. They are written with their events, by the ledger only.

use super::{broken::broken, ledger::elevation, open::Store};
use crate::domain::{
    elevation::{Elevation, State},
    failure::Result,
    id::GrantId,
    principal::Principal,
    time::Timestamp,
};

impl Store {
    /// The elevation of that id, if there is one.
    pub async fn elevation(&self, id: &GrantId) -> Result<Option<Elevation>> {
        let row = sqlx::query("select body from elevations where id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| broken("read", &error))?;
        row.as_ref().map(elevation).transpose()
    }

    /// The live grants of a principal, the oldest first.
    pub async fn live(&self, principal: &Principal, now: Timestamp) -> Result<Vec<Elevation>> {
        let rows = sqlx::query(
            "select body from elevations where principal = $1 and expires_at > $2 order by id",
        )
        .bind(principal.name())
        .bind(now.millis())
        .fetch_all(&self.pool)
        .await
        .map_err(|error| broken("read", &error))?;
        let mut live: Vec<Elevation> = rows.iter().map(elevation).collect::<Result<_>>()?;
        live.retain(|one| one.request.principal == *principal && one.state(now) == State::Granted);
        Ok(live)
    }

    /// Grants that are over and whose targets have not been told: some of them, so that those which
    /// never can be told are not in the way of the others.
    pub async fn unsettled(&self, now: Timestamp) -> Result<Vec<Elevation>> {
        let rows = sqlx::query(
            "select body from elevations where settled = 0 and expires_at <= $1
             order by random() limit 100",
        )
        .bind(now.millis())
        .fetch_all(&self.pool)
        .await
        .map_err(|error| broken("read", &error))?;
        rows.iter().map(elevation).collect()
    }

    /// Notes that nothing is left of a grant at its target.
    pub async fn settle(&self, id: &GrantId) -> Result<()> {
        sqlx::query("update elevations set settled = 1 where id = $1")
            .bind(id.as_str())
            .execute(&self.pool)
            .await
            .map_err(|error| broken("written", &error))?;
        Ok(())
    }
}
