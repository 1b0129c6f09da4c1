//! `jit revoke`: ends grants at the authority and at their targets and forgets their leases, or withdraws
//! requests.

use std::str::FromStr;

use super::{
    embedded::{block_on, ledger_file},
    engine::Engine,
    forget::drop_lease,
    session::Session,
    status::short,
};
use crate::{
    cache::Cache,
    domain::{
        elevation::State,
        entitlement::Entitlement,
        failure::{Failure, Result},
        id::GrantId,
        time::Timestamp,
    },
    platform::local_time::Zone,
    protocol::elevation::RevocationView,
};

/// End a grant now, here and at its target, or withdraw a request
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit revoke --all")]
pub struct Args {
    /// The id of the grant or request, as status shows it, or kind/name:role.
    #[arg(required_unless_present = "all", value_name = "GRANT")]
    what: Option<Ended>,
    /// End everything that you hold, and withdraw everything that you wait for.
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
        let ids = ids(args, session, &engine).await?;
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

async fn ids(args: &Args, session: &Session, engine: &Engine) -> Result<Vec<GrantId>> {
    let wanted = match &args.what {
        Some(Ended::Grant(id)) => return Ok(vec![id.clone()]),
        Some(Ended::Entitlement(wanted)) => Some(wanted),
        None => None,
    };
    let mut open = engine.current(session).await?;
    open.retain(|one| matches!(one.state, State::Granted | State::Pending));
    open.retain(|one| wanted.is_none_or(|wanted| *wanted == one.entitlement));
    if let Some(wanted) = wanted.filter(|_| open.is_empty()) {
        return Err(
            Failure::failed(format!("you hold no live grant for {wanted}"))
                .hint("\"jit status\" lists what you hold"),
        );
    }
    Ok(open.into_iter().map(|one| one.id).collect())
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
    session.print(&outcome_line(id, outcome?, (session.clock)()))
}

/// What still works although the grant has ended, and until when.
fn outcome_line(id: &GrantId, outcome: RevocationView, now: Timestamp) -> String {
    let open = "a session that is open there goes on until it ends";
    match outcome {
        RevocationView::Abandoned => format!("withdrew {id}: it is not asked for any more"),
        RevocationView::Ended => format!("revoked {id}: its target refuses it from now on"),
        RevocationView::EndsByItself { until: Some(until) } if now < until => {
            let (at, left) = (Zone::of_the_user().written(until), short(until.left(now)));
            format!(
                "revoked {id}: its target cannot be told: the newest credential works there until {at} ({left} left), and {open}"
            )
        }
        RevocationView::EndsByItself { until: _ } => {
            format!("revoked {id}: no credential of it works any more, and {open}")
        }
    }
}
