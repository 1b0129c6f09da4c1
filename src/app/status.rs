//! `jit status`: what I hold, until when, decided by what, and how long it took; and what of mine waits
//! for people at a server.

use std::time::Duration;

use serde::Serialize;

use super::{embedded::block_on, engine, kept, session::Session};
use crate::{
    cache::{self, Cache},
    domain::{
        entitlement::Entitlement,
        failure::Result,
        id::GrantId,
        lease::{Freshness, Lease},
        time::Timestamp,
    },
    platform::terminal,
    protocol::elevation::ElevationView,
    remote::patience::Patience,
};

/// Show what you hold, until when, which policies decided, and what you wait for
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

#[derive(Serialize)]
struct Waiting<'a> {
    entitlement: &'a Entitlement,
    /// The request that waits.
    pending: &'a GrantId,
    asked_at: Timestamp,
    approvals: u32,
    approved_by: &'a [String],
    approvers: &'a [String],
    next: String,
}

/// Shows the leases whose grants live, and what waits for somebody's approval.
pub fn run(_: &Args, session: &Session) -> Result<()> {
    kept::tidy(session)?;
    let now = (session.clock)();
    // Where nothing rests nothing is made, so that a home that cannot be written will do.
    let mut leases = if cache::resting(&session.places).is_empty() {
        Vec::new()
    } else {
        Cache::open(&session.places)?.leases()?
    };
    leases.retain(|lease| lease.freshness(now) != Freshness::Over);
    let waiting = waiting(session);
    if leases.is_empty() && waiting.is_empty() && !session.json {
        return session.print("You hold nothing. That is how it should be between tasks.");
    }
    show(session, &leases)?;
    waiting.iter().try_for_each(|one| wait(session, one))
}

/// What waits for people. Where the server cannot say, what is held is shown all the same.
fn waiting(session: &Session) -> Vec<ElevationView> {
    let asked = block_on(async {
        match engine::remote(session, Patience::LITTLE).await? {
            Some(remote) => remote.waiting().await,
            None => Ok(Vec::new()),
        }
    });
    asked.and_then(|asked| asked).unwrap_or_else(|failure| {
        let unknown = format!("jit: whether anything waits for approval is not known: {failure}");
        terminal::say(&unknown);
        Vec::new()
    })
}

fn wait(session: &Session, one: &ElevationView) -> Result<()> {
    let (entitlement, id) = (&one.entitlement, &one.id);
    if session.json {
        return session.print_json(&Waiting {
            entitlement,
            pending: id,
            asked_at: one.asked_at,
            approvals: one.approvals,
            approved_by: &one.approved_by,
            approvers: &one.approvers,
            next: format!("jit request {entitlement}"),
        });
    }
    let since = short((session.clock)().left(one.asked_at));
    let given = format!("{} of {}", one.approved_by.len(), one.approvals);
    let who = if one.approvers.is_empty() {
        "somebody who may approve it".to_owned()
    } else {
        one.approvers.join(", ")
    };
    session.print(&terminal::plain_line(&format!(
        "{entitlement}  waits for approval, {given}, since {since}  {id}"
    )))?;
    session.print(&terminal::plain_line(&format!(
        "  {who} can run: jit approve {id}; then you: jit request {entitlement}; to give it up: jit revoke {id}"
    )))
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
