//! `jit prompt`, hidden: what is held, in a line that a shell's prompt reads.

use super::{session::Session, status::short};
use crate::{
    cache::Cache,
    domain::{
        failure::Result,
        lease::{Freshness, Lease},
        time::Timestamp,
    },
};

/// How many are named: a prompt has to leave some of its line.
const MOST: usize = 1;

/// Print what is held and its minutes left; called by a shell's prompt
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints a line of letters, digits, spaces and `/:._-@+` alone, what ends first first; an empty one where
/// nothing is held. A lease that is over is removed, so that the next prompt need not ask.
pub fn run(_: &Args, session: &Session) -> Result<()> {
    let now = (session.clock)();
    let mut leases = Cache::open(&session.places)?.live(now)?;
    leases.retain(|lease| lease.freshness(now) != Freshness::Over);
    leases.sort_by_key(|lease| lease.grant.expires_at);
    session.print(&segment(&leases, now))
}

/// What ends first, and how many more are held: `aws/prod:read 42m +2`.
fn segment(leases: &[Lease], now: Timestamp) -> String {
    let mut shown: Vec<String> = leases
        .iter()
        .take(MOST)
        .map(|lease| {
            let left = short(lease.grant.expires_at.left(now));
            format!("{} {left}", lease.grant.entitlement)
        })
        .collect();
    if leases.len() > MOST {
        shown.push(format!("+{}", leases.len() - MOST));
    }
    shown.join(" ")
}
