//! What is recorded and said about a lease that was held before it was asked for again.

use super::{embedded::block_on, engine::Engine, session::Session, status::short, terms::Terms};
use crate::{
    cache::Cache,
    domain::{
        entitlement::Entitlement,
        failure::{Nature, Result},
        id::GrantId,
        lease::Lease,
        time::Ttl,
    },
    platform::terminal,
    remote::patience::Patience,
};

/// Whether a lease is still to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is.
    Goes,
    /// Its grant has ended.
    Over,
}

/// Records the reason that came with a command as one of the grant's, where it is another one than was recorded
/// last. That the authority is away is said, and does not stop the command.
pub(super) fn record_reason(
    session: &Session,
    cache: &Cache,
    lease: &Lease,
    terms: &Terms,
) -> Result<Use> {
    let Some(why) = &terms.justification else {
        return Ok(Use::Goes);
    };
    if why.is_empty() || lease.justification.as_ref() == Some(why) {
        return Ok(Use::Goes);
    }
    let recorded = block_on(async {
        let engine = Engine::without_policies_within(session, Patience::LITTLE).await?;
        engine.justify(session, &lease.grant.id, why).await
    })?;
    match recorded {
        Ok(()) => cache.update(&lease.grant.entitlement, |held| {
            if held.grant.id == lease.grant.id {
                held.justification = Some(why.clone());
            }
        })?,
        Err(failure) if failure.nature == Nature::Ended => return Ok(Use::Over),
        Err(failure) => terminal::say(&format!("jit: the reason is not recorded: {failure}")),
    }
    Ok(Use::Goes)
}

/// The grant that is held before an entitlement is asked for, where that is to be compared.
pub(super) fn grant_before(
    cache: &Cache,
    entitlement: &Entitlement,
    terms: &Terms,
) -> Result<Option<GrantId>> {
    if terms.ttl.is_none() {
        return Ok(None);
    }
    Ok(cache.held(entitlement)?.map(|held| held.grant.id))
}

/// Says that `--ttl` was shortened, or has no effect since the grant was there `before`.
pub(super) fn tell_ttl(session: &Session, lease: &Lease, terms: &Terms, before: Option<&GrantId>) {
    let Some(asked) = terms.ttl else { return };
    let grant = &lease.grant;
    let what = &grant.entitlement;
    if before == Some(&grant.id) {
        // Said once: the same command again says the same again.
        if lease.asked_ttl != Some(asked.0) {
            let left = short(grant.expires_at.left((session.clock)()));
            terminal::say(&format!(
                "jit: --ttl {asked} has no effect: {what} is held already, {left} left; to ask anew, first run: jit revoke {}",
                grant.id
            ));
        }
        return;
    }
    let given = grant.expires_at.left(grant.granted_at);
    if given < asked.0 {
        terminal::say(&format!(
            "jit: {what} is granted for {}, not for {asked}: policy allows no more",
            Ttl(given)
        ));
    }
}
