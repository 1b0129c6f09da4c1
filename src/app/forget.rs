//! `jit forget`: drops leases on this machine; their grants go on at the authority.

use super::{kept, session::Session};
use crate::{
    cache::Cache,
    domain::{
        entitlement::Entitlement,
        failure::{Failure, Result},
    },
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
        Some(entitlement) if kept::forget(session, &cache, entitlement)? => {
            session.print(&format!("forgot {entitlement}"))
        }
        Some(entitlement) => Err(
            Failure::failed(format!("you hold no lease for {entitlement}"))
                .hint("\"jit status\" lists what you hold"),
        ),
        None => {
            let leases = cache.leases()?;
            for lease in &leases {
                kept::forget(session, &cache, &lease.grant.entitlement)?;
            }
            session.print(&format!("forgot {} leases", leases.len()))
        }
    }
}
