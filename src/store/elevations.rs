//! Where each elevation is in its life. They are written with their events, by the ledger only.

use super::{
    database::{Row, Statement},
    open::Store,
};
use crate::domain::{
    elevation::{Elevation, State},
    entitlement::Kind,
    failure::{Failure, Result},
    id::GrantId,
    principal::Principal,
    time::Timestamp,
};

impl Store {
    /// The elevation of that id, if there is one.
    pub async fn elevation(&self, id: &GrantId) -> Result<Option<Elevation>> {
        let select = "select body from elevations where id = $1";
        let select = Statement::new(select, [id.as_str().into()]);
        let rows = self.database.rows(&select).await?;
        rows.first().map(elevation).transpose()
    }

    /// The live grants of a principal, the oldest first.
    pub async fn live(&self, principal: &Principal, now: Timestamp) -> Result<Vec<Elevation>> {
        let select =
            "select body from elevations where principal = $1 and expires_at > $2 order by id";
        let values = [principal.name().into(), now.millis().into()];
        let rows = self.database.rows(&Statement::new(select, values)).await?;
        let mut live: Vec<Elevation> = rows.iter().map(elevation).collect::<Result<_>>()?;
        live.retain(|one| one.request.principal == *principal && one.state(now) == State::Granted);
        Ok(live)
    }

    /// Grants that are over and whose targets have not been told: some of them, so that those which
    /// never can be told are not in the way of the others.
    pub async fn unsettled(&self, now: Timestamp) -> Result<Vec<Elevation>> {
        let select = "select body from elevations where settled = 0 and expires_at <= $1
             order by random() limit 100";
        let select = Statement::new(select, [now.millis().into()]);
        let rows = self.database.rows(&select).await?;
        rows.iter().map(elevation).collect()
    }

    /// Notes that nothing is left of a grant at its target.
    pub async fn settle(&self, id: &GrantId) -> Result<()> {
        let update = "update elevations set settled = 1 where id = $1";
        let update = Statement::new(update, [id.as_str().into()]);
        self.database.run(&update).await.map(drop)
    }
}

/// Writes where an elevation is. One that was revoked stays so: whoever read it before does not bring
/// it back. A grant of a kind that leaves something at its target is settled once it is over and the
/// target was told ([`Store::settle`]); all others are settled from the start.
pub(super) fn write(elevation: &Elevation) -> Result<Statement> {
    let asked_at = elevation.request.asked_at;
    let body = serde_json::to_string(elevation)
        .map_err(|error| Failure::failed("an elevation cannot be written").because(&error))?;
    let state = elevation.state(asked_at);
    let granted = matches!(state, State::Granted | State::Revoked);
    let leaves_something = match elevation.request.entitlement.resource.kind() {
        Kind::Kubernetes | Kind::Postgres => granted,
        Kind::Ssh | Kind::Aws => false,
    };
    let live = elevation.live(asked_at);
    let expires_at = live.map_or(asked_at, |grant| grant.expires_at);
    let session = elevation.request.session.as_ref();
    Ok(Statement::insert(
        "insert into elevations (id, principal, expires_at, settled, state, session, body)",
        [
            elevation.request.id.as_str().into(),
            elevation.request.principal.name().into(),
            expires_at.millis().into(),
            i64::from(!leaves_something).into(),
            state.to_string().into(),
            session.map_or("", GrantId::as_str).into(),
            body.into(),
        ],
        "on conflict (id) do update set expires_at = excluded.expires_at, settled = excluded.settled,
             state = excluded.state, body = excluded.body
         where elevations.state <> 'revoked'",
    ))
}

/// Holds while the elevation is in that state as it was written.
pub fn is_in(id: &GrantId, state: State) -> Statement {
    Statement::new(
        "select 1 from elevations where id = $1 and state = $2",
        [id.as_str().into(), state.to_string().into()],
    )
    .by_key()
}

fn elevation(row: &Row) -> Result<Elevation> {
    serde_json::from_str(row.text(0)?).map_err(|error| {
        Failure::failed("an elevation in the store cannot be read")
            .because(&error)
            .hint("\"jit audit verify\" says whether the ledger is whole")
    })
}
