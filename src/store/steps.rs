//! The steps of an elevation's life as statements, which the ledger runs in the commit of their event.

use super::statement::{Row, Statement};
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
    let state = elevation.state(asked_at);
    let granted = matches!(state, State::Granted | State::Revoked);
    let leaves_something = match elevation.request.entitlement.resource.kind() {
        Kind::Kubernetes | Kind::Postgres => granted,
        Kind::Ssh | Kind::Aws => false,
    };
    let expires_at = match (state, elevation.grant_made(), elevation.vote()) {
        (State::Granted, Some(grant), _) => grant.expires_at,
        (State::Pending, _, Some(vote)) => vote.until,
        _ => asked_at,
    };
    let session = elevation.request.session.as_ref();
    Ok(Statement::insert(
        "insert into elevations (id, principal, expires_at, settled, state, session, body, class)",
        [
            elevation.request.id.as_str().into(),
            elevation.request.principal.name().into(),
            expires_at.millis().into(),
            i64::from(!leaves_something).into(),
            state.to_string().into(),
            session.map_or("", GrantId::as_str).into(),
            body(elevation)?.into(),
            elevation.request.principal.class().as_str().into(),
        ],
        "on conflict (id) do update set expires_at = excluded.expires_at, settled = excluded.settled,
             state = excluded.state, body = excluded.body
         where elevations.state <> 'revoked'",
    ))
}

/// Holds while nobody has changed the elevation since it was read: of two who take a step at the same
/// time, one is first.
pub fn is_still(elevation: &Elevation) -> Result<Statement> {
    Ok(Statement::new(
        "select 1 from elevations where id = $1 and body = $2",
        [
            elevation.request.id.as_str().into(),
            body(elevation)?.into(),
        ],
    )
    .by_key())
}

/// Holds while the grant has not been revoked.
pub fn is_unrevoked(elevation: &Elevation) -> Statement {
    Statement::new(
        "select 1 from elevations where id = $1 and state <> 'revoked'",
        [elevation.request.id.as_str().into()],
    )
    .by_key()
}

fn body(elevation: &Elevation) -> Result<String> {
    serde_json::to_string(elevation)
        .map_err(|error| Failure::failed("an elevation cannot be written").because(&error))
}

/// The elevation whose body is the first column of a row.
pub(super) fn read(row: &Row) -> Result<Elevation> {
    serde_json::from_str(row.text(0)?).map_err(|error| {
        Failure::failed("an elevation in the store cannot be read")
            .because(&error)
            .hint("\"jit audit verify\" says whether the ledger is whole")
    })
}
