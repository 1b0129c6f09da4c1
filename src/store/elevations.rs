//! Where each elevation is in its life. They are written with their events, by the ledger only. One of them
//! is an error where this authority did not write it; of many, those that it did not write are left out.

use super::{
    open::Store,
    statement::{Row, Statement, Value},
    steps::{self, COLUMNS},
};
use crate::domain::{
    elevation::{Elevation, State},
    failure::Result,
    id::GrantId,
    principal::Principal,
    time::Timestamp,
};

/// How many elevations of one principal are listed.
const LATELY: i64 = 1000;

/// How many denied ones of one principal are looked at.
const DENIED: i64 = 20;

impl Store {
    /// The elevation of that id, if there is one.
    ///
    /// # Errors
    /// Somebody else wrote its row, or moved it there; the database is away.
    pub async fn elevation(&self, id: &GrantId, now: Timestamp) -> Result<Option<Elevation>> {
        let rows = self.found("where id = $1", [id.as_str().into()]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        steps::read(row, &self.voucher(now).await?).map(Some)
    }

    /// The live grants of a principal, the oldest first.
    pub async fn live(&self, principal: &Principal, now: Timestamp) -> Result<Vec<Elevation>> {
        let which = "where principal = $1 and expires_at > $2 order by id";
        let values = [principal.name().into(), now.millis().into()];
        let mut live = self.ours(which, values, now).await?;
        live.retain(|one| one.request.principal == *principal && one.state(now) == State::Granted);
        Ok(live)
    }

    /// What the principal has asked for lately, the newest first.
    pub async fn elevations_of(
        &self,
        principal: &Principal,
        now: Timestamp,
    ) -> Result<Vec<Elevation>> {
        let which = "where principal = $1 and class = $2 order by id desc limit $3";
        let values = [
            principal.name().into(),
            principal.class().as_str().into(),
            LATELY.into(),
        ];
        self.ours(which, values, now).await
    }

    /// What the principal has asked for and is pending or granted at `now`, the oldest first.
    pub async fn open_of(&self, principal: &Principal, now: Timestamp) -> Result<Vec<Elevation>> {
        let which = "where principal = $1 and class = $2 and expires_at > $3
                 and state in ('pending', 'granted') order by id";
        let values = [
            principal.name().into(),
            principal.class().as_str().into(),
            now.millis().into(),
        ];
        self.ours(which, values, now).await
    }

    /// What the principal asked for since then and was denied, the newest first.
    pub async fn denied_since(
        &self,
        principal: &Principal,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Elevation>> {
        // What was denied is kept with the time of its asking there.
        let which = "where principal = $1 and class = $2 and expires_at > $3
                 and state = 'denied' order by id desc limit $4";
        let values = [
            principal.name().into(),
            principal.class().as_str().into(),
            since.millis().into(),
            DENIED.into(),
        ];
        self.ours(which, values, now).await
    }

    /// Everything that waits for people at `now`, the oldest first.
    pub async fn pending(&self, now: Timestamp) -> Result<Vec<Elevation>> {
        let which = "where state = 'pending' and expires_at > $1 order by id";
        let mut pending = self.ours(which, [now.millis().into()], now).await?;
        pending.retain(|one| one.state(now) == State::Pending);
        Ok(pending)
    }

    /// Grants that are over and whose targets have not been told: some of them, so that those which
    /// never can be told are not in the way of the others.
    pub async fn unsettled(&self, now: Timestamp) -> Result<Vec<Elevation>> {
        let which = "where settled = 0 and expires_at <= $1 order by random() limit 100";
        let mut over = self.ours(which, [now.millis().into()], now).await?;
        // A column alone ends nobody's grant.
        over.retain(|one| one.live(now).is_none());
        Ok(over)
    }

    /// Notes that nothing is left of a grant at its target.
    pub async fn settle(&self, id: &GrantId) -> Result<()> {
        let update = "update elevations set settled = 1 where id = $1";
        let update = Statement::new(update, [id.as_str().into()]);
        self.database.run(&update).await.map(drop)
    }

    /// Those that are found there and that this authority wrote.
    async fn ours(
        &self,
        which: &str,
        values: impl Into<Vec<Value>>,
        now: Timestamp,
    ) -> Result<Vec<Elevation>> {
        let rows = self.found(which, values).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        Ok(steps::ours(&rows, &self.voucher(now).await?))
    }

    async fn found(&self, which: &str, values: impl Into<Vec<Value>>) -> Result<Vec<Row>> {
        let sql = format!("select {COLUMNS} from elevations {which}");
        let select = Statement::assembled(sql, values.into());
        self.database.rows(&select).await
    }
}
