//! `jit revoke`: ends grants at the authority and at their targets, and forgets their leases.

use super::{embedded::block_on, engine::Engine, forget::drop_lease, session::Session};
use crate::{
    cache::Cache,
    domain::{
        failure::{Failure, Result},
        id::GrantId,
    },
    issuers::order::Revocation,
};

/// End a grant now, here and at its target
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit revoke --all")]
pub struct Args {
    /// The grant's id, as status shows it.
    #[arg(required_unless_present = "all")]
    grant: Option<GrantId>,
    /// End everything that you hold.
    #[arg(long, conflicts_with = "grant")]
    all: bool,
}

/// Ends the grants. All are tried; the first that failed is reported.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    block_on(async {
        let engine = Engine::without_policies(session).await?;
        let ids = match &args.grant {
            Some(id) => vec![id.clone()],
            None => engine.live().await?,
        };
        let mut failed: Option<Failure> = None;
        for id in &ids {
            if let Err(failure) = end(session, &engine, id).await {
                failed.get_or_insert(failure);
            }
        }
        match failed {
            Some(failure) => Err(failure),
            None if ids.is_empty() => session.print("nothing to revoke"),
            None => Ok(()),
        }
    })?
}

async fn end(session: &Session, engine: &Engine, id: &GrantId) -> Result<()> {
    let outcome = engine.revoke(session, id, None).await;
    // Even where the target cannot be told, nothing of it stays in use here.
    let cache = Cache::open(&session.places)?;
    for entitlement in cache.entitlements() {
        let held = cache.held(&entitlement).ok().flatten();
        if held.is_some_and(|lease| lease.grant.id == *id) {
            drop_lease(session, &cache, &entitlement)?;
        }
    }
    let at_target = match outcome? {
        Revocation::Ended => "its target refuses it from now on",
        Revocation::EndsByItself => {
            "its target cannot be told: the last credential ends within minutes by itself"
        }
    };
    session.print(&format!("revoked {id}: {at_target}"))
}
