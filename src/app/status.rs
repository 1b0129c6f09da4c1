//! `jit status`: what I hold, until when, decided by what, and how long it took; what the authority has
//! granted beside that, and what of mine waits for people or was denied by them.

use std::time::Duration;

use serde::Serialize;

use super::{grants, kept, session::Session};
use crate::{
    cache::{self, Cache},
    domain::{
        elevation::State,
        entitlement::Entitlement,
        failure::Result,
        id::GrantId,
        lease::{CLOCK_SKEW, Freshness, Lease},
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
    /// When the authority last said that the grant stands.
    confirmed_at: Timestamp,
}

/// A live grant of which no lease rests here.
#[derive(Serialize)]
struct Unheld<'a> {
    entitlement: &'a Entitlement,
    /// The grant.
    granted: &'a GrantId,
    expires_at: Timestamp,
    /// Whether it was approved and nobody has used it yet.
    unclaimed: bool,
    approved_by: &'a [String],
    next: String,
}

/// A request that people denied.
#[derive(Serialize)]
struct Refused<'a> {
    entitlement: &'a Entitlement,
    /// The request.
    denied: &'a GrantId,
    denied_by: Option<&'a str>,
    why: Option<&'a str>,
}

/// What is known of the leases that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The authority was asked just now.
    Now,
    /// It could not be asked.
    Earlier,
}

/// How many grants without a lease are shown: the jobs of one workload may have many.
const MOST: usize = 10;

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

/// Shows the leases whose grants live, what else the authority has granted, and what waits for somebody's
/// approval.
pub fn run(_: &Args, session: &Session) -> Result<()> {
    kept::tidy(session)?;
    let (current, known) = match grants::ask(session, Patience::LITTLE) {
        Ok(current) => (current, Known::Now),
        Err(failure) => {
            // What is held is shown all the same.
            terminal::say(&format!(
                "jit: what of this still stands, and whether anything waits for approval, is not known: {failure}"
            ));
            (Vec::new(), Known::Earlier)
        }
    };
    let now = (session.clock)();
    // Where nothing rests nothing is made, so that a home that cannot be written will do.
    let mut leases = if cache::resting(&session.places).is_empty() {
        Vec::new()
    } else {
        Cache::open(&session.places)?.leases()?
    };
    leases.retain(|lease| lease.freshness(now) != Freshness::Over);
    let is_held = |id: &GrantId| leases.iter().any(|lease| lease.grant.id == *id);
    let of_state = |state| current.iter().filter(move |one| one.state == state);
    let unheld: Vec<_> = of_state(State::Granted)
        .filter(|one| !is_held(&one.id) && !is_of_the_future(one, now))
        .collect();
    let waiting = of_state(State::Pending);
    if leases.is_empty() && unheld.is_empty() && waiting.clone().next().is_none() && !session.json {
        session.print("You hold nothing. That is how it should be between tasks.")?;
    }
    show(session, &leases, known)?;
    show_unheld(session, &unheld)?;
    waiting.into_iter().try_for_each(|one| wait(session, one))?;
    of_state(State::Denied).try_for_each(|one| refused(session, one))
}

/// Whether a grant is from the future: the clock was set back, and nothing that it says about time can be believed.
fn is_of_the_future(one: &ElevationView, now: Timestamp) -> bool {
    let granted_at = one.grant.as_ref().map(|grant| grant.granted_at);
    granted_at.is_some_and(|at| now.after(CLOCK_SKEW) < at)
}

fn show_unheld(session: &Session, grants: &[&ElevationView]) -> Result<()> {
    if session.json {
        return grants.iter().try_for_each(|one| unheld(session, one));
    }
    grants
        .iter()
        .take(MOST)
        .try_for_each(|one| unheld(session, one))?;
    match grants.len().checked_sub(MOST) {
        None | Some(0) => Ok(()),
        Some(more) => session.print(&format!("and {more} more: jit status --json")),
    }
}

fn unheld(session: &Session, one: &ElevationView) -> Result<()> {
    let (entitlement, id) = (&one.entitlement, &one.id);
    let Some(grant) = &one.grant else {
        return Ok(());
    };
    let use_it = format!("jit request {entitlement}");
    let end_it = format!("jit revoke {id}");
    if session.json {
        return session.print_json(&Unheld {
            entitlement,
            granted: id,
            expires_at: grant.expires_at,
            unclaimed: one.unclaimed,
            approved_by: &one.approved_by,
            next: if one.unclaimed { use_it } else { end_it },
        });
    }
    let left = short(grant.expires_at.left((session.clock)()));
    let (what, next) = if one.unclaimed {
        let by = one.approved_by.join(", ");
        (
            format!("approved by {by} and waits to be used"),
            format!("to use it, run {use_it}, or the command again; to end it: {end_it}"),
        )
    } else {
        (
            "granted, without a lease on this machine".to_owned(),
            format!("to end it: {end_it}"),
        )
    };
    session.print(&terminal::plain_line(&format!(
        "{entitlement}  {left:>7} left  {id}  {what}"
    )))?;
    session.print(&terminal::plain_line(&format!("  {next}")))
}

fn refused(session: &Session, one: &ElevationView) -> Result<()> {
    let (entitlement, id) = (&one.entitlement, &one.id);
    if session.json {
        let end = one.ended.as_ref();
        return session.print_json(&Refused {
            entitlement,
            denied: id,
            denied_by: end.and_then(|end| end.by.as_deref()),
            why: end.and_then(|end| end.why.as_deref()),
        });
    }
    session.print(&terminal::plain_line(&format!(
        "{entitlement}  {}  {id}",
        grants::ended(one)
    )))
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
pub fn show(session: &Session, leases: &[Lease], known: Known) -> Result<()> {
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
        // Where a policy of that very name decided, it says so itself.
        let is_told = row.policies.iter().any(|policy| policy == "break-glass");
        let flag = if row.break_glass && !is_told {
            ", break-glass"
        } else {
            ""
        };
        let since = match known {
            Known::Now => String::new(),
            Known::Earlier => format!(", last confirmed {} ago", short(now.left(row.confirmed_at))),
        };
        session.print(&terminal::plain_line(&format!(
            "{:width$}  {:>7} left  {}  by {}{flag} in {} ms ({}){since}",
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
        confirmed_at: lease.stood_at(),
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
