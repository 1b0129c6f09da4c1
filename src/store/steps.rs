//! The steps of an elevation's life as statements, which the ledger runs in the commit of their event; and
//! an elevation as it is read again.
//!
//! What is believed is the body, which this authority vouches for. The columns beside it are how rows are
//! found: whoever can write the database can hide a row by them, as they can delete it, and gets nothing.
//! They can also put a row back as it once was, which no code tells. So that a revocation is not undone by
//! that, no credential is recorded under a grant that the ledger says was revoked.

use super::{
    statement::{Row, Statement},
    vouched::Voucher,
};
use crate::{
    domain::{
        count::counted,
        elevation::{Elevation, State},
        entitlement::Kind,
        failure::{Failure, Result},
        id::GrantId,
    },
    platform::terminal,
};

/// What an elevation is read from.
pub(super) const COLUMNS: &str = "id, class, principal, body";

/// Nothing stands beside an elevation: it says its id, and whose it is, itself.
const BESIDE: &[&str] = &["elevation"];

/// Writes where an elevation is. One that was revoked stays so: whoever read it before does not bring
/// it back. A grant of a kind that leaves something at its target is settled once it is over and the
/// target was told; all others are settled from the start.
pub(super) fn write(elevation: &Elevation, voucher: &Voucher) -> Result<Statement> {
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
            voucher.write(BESIDE, elevation)?.into(),
            elevation.request.principal.class().as_str().into(),
        ],
        // That it is revoked is written whatever the column says.
        "on conflict (id) do update set expires_at = excluded.expires_at, settled = excluded.settled,
             state = excluded.state, body = excluded.body
         where elevations.state <> 'revoked' or excluded.state = 'revoked'",
    ))
}

/// Holds while nobody has changed the elevation since it was read: of two who take a step at the same
/// time, one is first.
pub fn is_still(elevation: &Elevation, voucher: &Voucher) -> Result<Statement> {
    Ok(Statement::new(
        "select 1 from elevations where id = $1 and body = $2",
        [
            elevation.request.id.as_str().into(),
            voucher.write(BESIDE, elevation)?.into(),
        ],
    )
    .by_key())
}

/// Holds while the grant has not been revoked, by the word of the ledger.
pub fn is_unrevoked(elevation: &Elevation) -> Statement {
    Statement::new(
        "select 1 from elevations where id = $1 and not exists (
             select 1 from events where grant_id = $1 and kind = 'revoked')",
        [elevation.request.id.as_str().into()],
    )
    .by_key()
}

/// The elevation of a row as it was selected ([`COLUMNS`]).
///
/// # Errors
/// This authority did not write the row, or not there, or for somebody else.
pub(super) fn read(row: &Row, voucher: &Voucher) -> Result<Elevation> {
    let id: GrantId = row.text(0)?.parse().map_err(|_| voucher.forged())?;
    let read: Result<Elevation> = voucher.read(BESIDE, row.text(3)?);
    let named = |failure: Failure| Failure {
        message: format!("{id} is not believed: {}", failure.message),
        ..failure
    };
    let elevation = read.map_err(named)?;
    let who = &elevation.request.principal;
    let is_theirs = row.text(1)? == who.class().as_str() && row.text(2)? == who.name();
    if elevation.request.id != id || !is_theirs {
        return Err(named(voucher.forged()));
    }
    Ok(elevation)
}

/// Those of many rows that this authority wrote. The others are nobody's word, and are not in the way of
/// these: they are left out, and said on the terminal of whoever runs this authority.
pub(super) fn ours(rows: &[Row], voucher: &Voucher) -> Vec<Elevation> {
    let mut ours = Vec::with_capacity(rows.len());
    let mut first: Option<Failure> = None;
    for row in rows {
        match read(row, voucher) {
            Ok(elevation) => ours.push(elevation),
            Err(failure) => drop(first.get_or_insert(failure)),
        }
    }
    if let Some(failure) = first {
        let left_out = rows.len() - ours.len();
        let left_out = counted(u64::try_from(left_out).unwrap_or(u64::MAX), "elevation");
        terminal::say(&format!("jit: {left_out} left out: {failure}"));
    }
    ours
}
