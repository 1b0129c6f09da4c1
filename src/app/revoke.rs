//! `jit revoke`: ends grants at the authority and at their targets, and forgets their leases.

use std::str::FromStr;

use super::{
    embedded::{block_on, ledger_file},
    engine::Engine,
    forget::drop_lease,
    session::Session,
};
use crate::{
    cache::Cache,
    domain::{
        entitlement::Entitlement,
        failure::{Failure, Result},
        id::GrantId,
    },
    issuers::order::Revocation,
};

/// End a grant now, here and at its target
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit revoke --all")]
pub struct Args {
    /// The grant's id, as status shows it, or kind/name:role.
    #[arg(required_unless_present = "all", value_name = "GRANT")]
    what: Option<Ended>,
    /// End everything that you hold.
    #[arg(long, conflicts_with = "what")]
    all: bool,
}

/// What is to be ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// One grant.
    Grant(GrantId),
    /// Every grant of an entitlement.
    Entitlement(Entitlement),
}

impl FromStr for Ended {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        if text.contains('/') {
            return text.parse().map(Self::Entitlement);
        }
        text.parse().map(Self::Grant)
    }
}

/// Ends the grants. All are tried; the first that failed is reported.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    block_on(async {
        let engine = match Engine::without_policies(session).await {
            // Where no ledger can be made, nothing was ever granted.
            Err(_) if args.all && session.server()?.is_none() && !ledger_file(session).exists() => {
                return session.print("nothing to revoke");
            }
            engine => engine?,
        };
        let ids = ids(args, &engine).await?;
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

async fn ids(args: &Args, engine: &Engine) -> Result<Vec<GrantId>> {
    let wanted = match &args.what {
        Some(Ended::Grant(id)) => return Ok(vec![id.clone()]),
        Some(Ended::Entitlement(wanted)) => Some(wanted),
        None => None,
    };
    let mut live = engine.live().await?;
    live.retain(|(_, entitlement)| wanted.is_none_or(|wanted| wanted == entitlement));
    if let Some(wanted) = wanted.filter(|_| live.is_empty()) {
        return Err(
            Failure::failed(format!("you hold no live grant for {wanted}"))
                .hint("\"jit status\" lists what you hold"),
        );
    }
    Ok(live.into_iter().map(|(id, _)| id).collect())
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
