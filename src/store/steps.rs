//! The steps of an elevation's life as statements, which the ledger runs in the commit of their event.

use super::database::Statement;
use crate::domain::{
    elevation::{Elevation, State},
    entitlement::Kind,
    failure::{Failure, Result},
    id::GrantId,
};

/// Writes where an elevation is. One that was revoked stays so: whoever read it before does not bring
/// it back. A grant of a kind that leaves something at its target is settled once it is over and the
/// target was told; all others are settled from the start.
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
