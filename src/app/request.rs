//! `jit request`: a lease ahead of its use, so that the command that needs it does not wait.

use super::{
    acquire::{self, Terms},
    grants, served,
    session::Session,
    status::{self, Known},
};
use crate::{
    cache::Cache,
    domain::{
        entitlement::Entitlement,
        failure::{Nature, Result},
        lease::Lease,
    },
    platform::terminal,
    remote::patience::Patience,
    tools::task::Recognised,
};

/// Ask for an entitlement now, for a command to come
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit request postgres/orders:write -j \"fix order 4711\" --ttl 30m"
)]
pub struct Args {
    /// kind/name:role
    entitlement: Entitlement,
    #[command(flatten)]
    terms: Terms,
}

/// Asks, keeps the lease and says until when it holds.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let catalogue = served::or_anew(session, || {
        let catalogue = session.catalogue()?;
        catalogue.tier(&args.entitlement)?;
        Ok(catalogue)
    })?;
    let wanted = Recognised::new(args.entitlement.clone(), "asked for by name");
    let begun_at = (session.clock)();
    let mut lease = acquire::lease(session, &catalogue, &wanted, &args.terms, None)?;
    if lease.stood_at() < begun_at && !stands(session, &lease)? {
        lease = acquire::lease(session, &catalogue, &wanted, &args.terms, None)?;
    }
    status::show(session, &[lease], Known::Now)
}

/// Whether the authority says that the grant of a lease stands that rested here. Where it cannot be asked the
/// lease works until its credential ends, and that is said.
///
/// # Errors
/// The session has ended.
fn stands(session: &Session, lease: &Lease) -> Result<bool> {
    match grants::ask(session, Patience::LITTLE) {
        Ok(_) => {
            let held = Cache::open(&session.places)?.held(&lease.grant.entitlement)?;
            Ok(held.is_some_and(|held| held.grant.id == lease.grant.id))
        }
        Err(failure) if failure.nature == Nature::Ended => Err(failure),
        Err(failure) => {
            terminal::say(&format!(
                "jit: whether the grant still stands is not known: {failure}"
            ));
            Ok(true)
        }
    }
}
