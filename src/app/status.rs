//! `jit status`: what I hold, until when, decided by what, and how long it took.

use std::time::Duration;

use serde::Serialize;

use super::{kept, session::Session};
use crate::{
    cache::Cache,
    domain::{
        entitlement::Entitlement,
        failure::Result,
        id::GrantId,
        lease::{Freshness, Lease},
        time::Timestamp,
    },
    platform::terminal,
};

/// Show what you hold, until when, and which policies decided
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit status --json")]
pub struct Args {}

#[derive(Serialize)]
struct Row<'a> {
    entitlement: &'a Entitlement,
    grant: &'a GrantId,
    expires_at: Timestamp,
    credential_expires_at: Timestamp,
    credential: &'a str,
    policies: &'a [String],
    break_glass: bool,
    took_ms: u128,
    because: &'a str,
}

/// Shows the leases whose grants live.
pub fn run(_: &Args, session: &Session) -> Result<()> {
    kept::tidy(session)?;
    let now = (session.clock)();
    let mut leases = Cache::open(&session.places)?.leases()?;
    leases.retain(|lease| lease.freshness(now) != Freshness::Over);
    if leases.is_empty() && !session.json {
        return session.print("You hold nothing. That is how it should be between tasks.");
    }
    show(session, &leases)
}

/// Prints leases, as a table or as one JSON object each.
pub fn show(session: &Session, leases: &[Lease]) -> Result<()> {
    let now = (session.clock)();
    if session.json {
        return leases
            .iter()
            .try_for_each(|lease| session.print_json(&row(lease)));
    }
    let width = leases
        .iter()
        .map(|lease| lease.grant.entitlement.to_string().len())
        .max()
        .unwrap_or_default();
    for lease in leases {
        let row = row(lease);
        let flag = if row.break_glass { ", break-glass" } else { "" };
        session.print(&terminal::plain_line(&format!(
            "{:width$}  {:>7} left  {}  by {}{flag} in {} ms ({})",
            row.entitlement.to_string(),
            short(row.expires_at.left(now)),
            row.grant,
            row.policies.join(", "),
            row.took_ms,
            row.because,
        )))?;
    }
    Ok(())
}

fn row(lease: &Lease) -> Row<'_> {
    Row {
        entitlement: &lease.grant.entitlement,
        grant: &lease.grant.id,
        expires_at: lease.grant.expires_at,
        credential_expires_at: lease.credential.expires_at,
        credential: &lease.credential.serial,
        policies: &lease.grant.policies,
        break_glass: lease.grant.break_glass,
        took_ms: lease.took.as_millis(),
        because: &lease.because,
    }
}

/// A span to the minute, or to the second where less than a minute is left.
pub fn short(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) => format!("{hours}h{minutes:02}m"),
    }
}
