//! `jit confirm`, hidden: asks the server whether what is held stands, while a command uses what rests here.
//!
//! The warm path asks nobody. Where the server has not been asked for a while it starts this, at most once
//! in that while, so that the next command does not use a lease whose grant has ended.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{getppid, setsid};

use super::{detached, grants, session::Session, terms::Asker};
use crate::{
    cache,
    domain::{
        entitlement::{Entitlement, Tier},
        failure::Result,
        lease::Lease,
        time::Timestamp,
    },
    platform::{files, lock::Lock},
    remote::patience::Patience,
};

/// The verb that asks.
const VERB: &str = "confirm";

/// How long a lease is used before the server is asked again whether its grant stands.
pub const UNASKED: Duration = Duration::from_mins(1);

/// Ask the server whether what is held stands
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stay and ask; without it, start the process that stays.
    #[arg(long, hide = true)]
    stay: bool,
}

/// Asks, or starts the process that does.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    if !args.stay {
        return detached::start_staying(session, VERB);
    }
    _ = setsid();
    if session.server()?.is_none() {
        return Ok(());
    }
    files::private_directory(&session.places.state)?;
    let Some(_one) = Lock::if_free(&session.places.state.join("confirm.lock"))? else {
        return Ok(());
    };
    grants::ask(session, Patience::LITTLE).map(drop)
}

/// Whether the server was not asked about a lease for a while.
pub fn is_due(session: &Session, lease: &Lease) -> bool {
    let is_served = session.server().is_ok_and(|server| server.is_some());
    is_served && lease.stood_at().after(UNASKED) <= (session.clock)()
}

/// Looks after a lease that is used as it rests here. Answers whether to ask the server and read the lease
/// again before it is used: where it is for something sensitive, and for a tool that calls its hook a second
/// time, since the target refused the first answer.
///
/// Where it cannot be noted that the server was asked it is not asked, and the lease is used until its
/// credential ends.
pub fn look_after(session: &Session, lease: &Lease, (asker, tier): (Asker, Tier)) -> bool {
    if !is_due(session, lease) {
        return false;
    }
    let now = (session.clock)();
    let file = mark(session, &lease.grant.entitlement);
    match noted(&file, now) {
        Some(parent) if asker == Asker::Hook && parent == caller() => {
            // Once, whatever comes of it.
            drop(note(&file, now, 0));
            true
        }
        Some(_) => false,
        None if tier == Tier::Sensitive => note(&file, now, caller()).is_ok(),
        None => {
            begin(session, &file, now);
            false
        }
    }
}

/// The same where the lease itself is not read: an agent serves it.
pub fn look_after_served(session: &Session, entitlement: &Entitlement) {
    let is_served = session.server().is_ok_and(|server| server.is_some());
    let file = mark(session, entitlement);
    let now = (session.clock)();
    if is_served && noted(&file, now).is_none() {
        begin(session, &file, now);
    }
}

fn begin(session: &Session, file: &Path, now: Timestamp) {
    if note(file, now, caller()).is_err() {
        return;
    }
    if let Err(failure) = detached::begin(session, VERB) {
        session.tell(&format!("the server was not asked: {failure}"));
    }
}

/// Where it is noted when the server was asked about an entitlement last, and for which process.
fn mark(session: &Session, entitlement: &Entitlement) -> PathBuf {
    cache::file(&session.places, entitlement).with_extension("asked")
}

fn note(file: &Path, now: Timestamp, process: i32) -> Result<()> {
    files::write_passing(file, format!("{} {process}", now.millis()).as_bytes())
}

/// For which process the server was asked within the while.
fn noted(file: &Path, now: Timestamp) -> Option<i32> {
    let text = String::from_utf8(files::read_private(file).ok()??).ok()?;
    let (at, process) = text.split_once(' ')?;
    let at = Timestamp::from_millis(at.parse().ok()?);
    let process = process.parse().ok()?;
    (at <= now && now < at.after(UNASKED)).then_some(process)
}

/// The process that called this one.
fn caller() -> i32 {
    getppid().map_or(0, |process| process.as_raw_nonzero().get())
}
