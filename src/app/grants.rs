//! What the authority says of the caller's grants and requests, and the end of leases whose grants have ended.

use super::{
    embedded::{block_on, ledger_file},
    engine::Engine,
    forget::{drop_all, drop_lease},
    session::Session,
};
use crate::{
    cache::{self, Cache},
    domain::{
        elevation::State,
        failure::{Failure, Nature, Result},
        lease::Lease,
        time::Timestamp,
    },
    platform::terminal,
    protocol::elevation::ElevationView,
    remote::patience::Patience,
};

/// Asks the authority what the caller holds and waits for, and what people denied lately. Leases whose grants
/// stand are noted as confirmed; those whose grants have ended are dropped, which is said.
///
/// # Errors
/// The authority cannot be asked, or the session has ended: then all leases are dropped.
pub fn ask(session: &Session, patience: Patience) -> Result<Vec<ElevationView>> {
    if session.server()?.is_none() && !ledger_file(session).exists() {
        // Nothing was ever granted here.
        return Ok(Vec::new());
    }
    block_on(async {
        let asked = ask_engine(session, patience).await;
        if let Err(failure) = &asked {
            settle_session(session, failure);
        }
        asked
    })?
}

async fn ask_engine(session: &Session, patience: Patience) -> Result<Vec<ElevationView>> {
    let engine = Engine::without_policies_within(session, patience).await?;
    let current = engine.current(session).await?;
    if !cache::resting(&session.places).is_empty() {
        let cache = Cache::open(&session.places)?;
        for lease in cache.leases()? {
            settle(session, &engine, &cache, (&lease, &current)).await?;
        }
    }
    Ok(current)
}

/// Notes that a lease's grant stands, or drops the lease.
async fn settle(
    session: &Session,
    engine: &Engine,
    cache: &Cache,
    (lease, current): (&Lease, &[ElevationView]),
) -> Result<()> {
    let is_of = |view: &&ElevationView| view.id == lease.grant.id;
    let stands = |view: &ElevationView| view.state == State::Granted;
    if current.iter().find(is_of).is_some_and(stands) {
        return confirmed(cache, lease, (session.clock)());
    }
    // It may have been granted after the list was made.
    let words = match engine.elevation(session, &lease.grant.id).await? {
        Some(view) if stands(&view) => return confirmed(cache, lease, (session.clock)()),
        Some(view) => ended(&view),
        None => match engine {
            Engine::Remote(_) => "is not known to the server".to_owned(),
            // The ledger on this machine is the user's own, to be put away or replaced.
            Engine::Embedded(_) => return Ok(()),
        },
    };
    drop_ended(session, cache, lease, &words)
}

fn confirmed(cache: &Cache, lease: &Lease, now: Timestamp) -> Result<()> {
    cache.update(&lease.grant.entitlement, |held| {
        if held.grant.id == lease.grant.id {
            held.confirmed_at = Some(now);
        }
    })
}

fn drop_ended(session: &Session, cache: &Cache, lease: &Lease, words: &str) -> Result<()> {
    let entitlement = &lease.grant.entitlement;
    let held = cache.held(entitlement)?;
    if held.is_none_or(|held| held.grant.id != lease.grant.id) {
        return Ok(());
    }
    drop_lease(session, cache, entitlement)?;
    if lease.grant.is_live((session.clock)()) {
        terminal::say(&terminal::plain_line(&format!(
            "jit: the grant of {entitlement} {words}, so its lease is dropped"
        )));
    }
    Ok(())
}

/// Drops all leases where a failure says that the session has ended: every grant in it ended with it.
pub fn settle_session(session: &Session, failure: &Failure) {
    if failure.nature != Nature::Ended || cache::resting(&session.places).is_empty() {
        return;
    }
    match drop_all(session) {
        Ok(()) => terminal::say(&format!("jit: {failure}, so all leases are dropped")),
        Err(other) => terminal::say(&format!("jit: {failure}, but a lease stays: {other}")),
    }
}

/// How an elevation that gives nothing any more ended: `is denied by bob: not today`.
pub fn ended(view: &ElevationView) -> String {
    let what = match view.state {
        State::Denied => "is denied",
        State::Revoked => "is revoked",
        State::Abandoned => "is withdrawn",
        State::Expired if view.grant.is_none() => "was not approved in time",
        State::Expired => "is over",
        State::Pending => "is pending",
        State::Granted => "is granted",
    };
    let end = view.ended.as_ref();
    let by = end.and_then(|end| end.by.as_ref());
    let by = by.map_or_else(String::new, |by| format!(" by {by}"));
    let why = end.and_then(|end| end.why.as_ref());
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    format!("{what}{by}{why}")
}
