//! `jit forget`: drops leases on this machine; their grants go on at the authority.

use super::{kept, session::Session};
use crate::{
    cache::Cache,
    domain::{
        count::counted,
        entitlement::{Entitlement, Kind},
        failure::{Failure, Result},
    },
    tools::ssh::{setup, shared},
};

/// Drop a cached lease on this machine; its grant goes on (see revoke)
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit forget kubernetes/prod:view")]
pub struct Args {
    /// kind/name:role
    #[arg(required_unless_present = "all")]
    entitlement: Option<Entitlement>,
    /// Drop every lease.
    #[arg(long, conflicts_with = "entitlement")]
    all: bool,
}

/// Drops the lease, or all.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let cache = Cache::open(&session.places)?;
    match &args.entitlement {
        Some(entitlement) if drop_lease(session, &cache, entitlement)? => {
            session.print(&format!("forgot {entitlement}"))
        }
        Some(entitlement) => Err(
            Failure::failed(format!("you hold no lease for {entitlement}"))
                .hint("\"jit status\" lists what you hold"),
        ),
        None => {
            // All are tried; the first that failed is reported.
            let held = cache.entitlements();
            let mut failed: Option<Failure> = None;
            for entitlement in &held {
                if let Err(failure) = drop_lease(session, &cache, entitlement) {
                    failed.get_or_insert(failure);
                }
            }
            failed.map_or(Ok(()), Err)?;
            let held = u64::try_from(held.len()).unwrap_or(u64::MAX);
            session.print(&format!("forgot {}", counted(held, "lease")))
        }
    }
}

/// Drops all leases of this run's authority.
pub fn drop_all(session: &Session) -> Result<()> {
    let cache = Cache::open(&session.places)?;
    for entitlement in cache.entitlements() {
        drop_lease(session, &cache, &entitlement)?;
    }
    Ok(())
}

/// Drops a lease, and what serves it to programs without jit: ssh's agent, libpq's files. Answers
/// whether there was one.
pub fn drop_lease(session: &Session, cache: &Cache, entitlement: &Entitlement) -> Result<bool> {
    let held = cache.forget(entitlement)?;
    match entitlement.resource.kind() {
        Kind::Ssh => setup::links(&session.places, entitlement)
            .iter()
            .try_for_each(|link| shared::end(link))?,
        Kind::Postgres => kept::clear(session, entitlement)?,
        Kind::Kubernetes | Kind::Aws => {}
    }
    Ok(held)
}
