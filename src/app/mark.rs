//! What a command of `jit exec` was given, said in its environment: for the prompt of a shell that it is, and
//! for scripts.

use super::session::Session;
use crate::{
    domain::{
        elevation::Grant,
        entitlement::{Entitlement, Kind},
        failure::Result,
        time::Timestamp,
    },
    platform::process::Launch,
    tools::variables,
};

/// The entitlements, with blanks between them.
pub(super) const ENTITLEMENTS: &str = "JIT_ENTITLEMENTS";
/// When the first of the grants ends (RFC 3339, UTC).
pub(super) const EXPIRES_AT: &str = "JIT_EXPIRES_AT";

/// Sets both for a command that was given these grants. What the caller's own environment has of an enclosing
/// `jit exec` goes on for kinds that this one gives nothing of.
pub(super) fn put(launch: &mut Launch, grants: &[Grant], session: &Session) -> Result<()> {
    let outer = session.environment.text(ENTITLEMENTS).unwrap_or_default();
    let outer = outer.split(' ').filter_map(|one| one.parse().ok());
    let given = |kind: Kind| {
        let mut own = grants.iter().map(|grant| &grant.entitlement);
        own.any(|one| one.resource.kind() == kind)
    };
    let mut held: Vec<Entitlement> = outer
        .filter(|one: &Entitlement| !given(one.resource.kind()))
        .collect();
    let ends = grants.iter().map(|grant| grant.expires_at).min();
    let ends = ends.map(Timestamp::to_rfc3339_seconds);
    let outer_ends = session.environment.text(EXPIRES_AT).map(str::to_owned);
    // Of one form, so that the texts are in the order of the times.
    let ends = ends
        .into_iter()
        .chain(outer_ends.filter(|_| !held.is_empty()));
    let ends = ends.min().unwrap_or_default();
    held.extend(grants.iter().map(|grant| grant.entitlement.clone()));
    let held: Vec<String> = held.iter().map(ToString::to_string).collect();
    let allowed = [ENTITLEMENTS, EXPIRES_AT];
    variables::set(launch, &allowed, ENTITLEMENTS, held.join(" "))?;
    variables::set(launch, &allowed, EXPIRES_AT, ends)
}
