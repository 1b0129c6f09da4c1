//! `jit keep`, hidden: keeps the files of a PostgreSQL credential fresh while its grant lives.
//!
//! It sleeps until the credential is to be renewed, or its files are touched. Renewing takes a whole
//! authority, so that is done by a child that ends; what stays is small. It goes by what rests in the
//! cache alone: when the lease is gone (forgotten, revoked, denied, over), so are the files and it.

use std::{
    io::stdin,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::setsid,
};

use super::{
    acquire,
    confirm::UNASKED,
    detached::{self, broken},
    embedded::block_on,
    forget::drop_lease,
    kept,
    session::Session,
};
use crate::{
    cache::{self, Cache},
    config::binding,
    domain::{
        entitlement::Entitlement,
        failure::{Code, Failure, Result},
        lease::{Freshness, Lease},
        time::Timestamp,
    },
    platform::{files, lock::Lock, process::without_inherited, vigil::Vigil},
    tools::postgres::material,
};

/// How long after a renewal that failed the next is tried, at first and at most.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(5);

/// Keep the files of a PostgreSQL credential fresh while its grant lives
#[derive(Debug, clap::Args)]
pub struct Args {
    /// postgres/NAME:ROLE
    entitlement: Entitlement,
    /// Stay and keep; without it, start the process that stays. The lock is its stdin.
    #[arg(long, hide = true)]
    stay: bool,
    /// Renew the credential once, if its grant lives.
    #[arg(long, hide = true, conflicts_with = "stay")]
    renew: bool,
}

/// Keeps, renews, or starts the process that keeps.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let entitlement = &args.entitlement;
    if args.renew {
        return renew(session, entitlement);
    }
    if args.stay {
        return stay(session, entitlement);
    }
    let mut command = kept::command(session, entitlement)?;
    command.arg("--stay").stdin(Stdio::inherit());
    without_inherited(&mut command)
        .and_then(Command::spawn)
        .map(drop)
        .map_err(|error| broken(&error))
}

fn stay(session: &Session, entitlement: &Entitlement) -> Result<()> {
    _ = setsid();
    let kept = |session: &Session| {
        keep(session, entitlement).inspect_err(|_| {
            // Nobody is left who would keep them fresh.
            drop(material::clear(&session.places, entitlement));
        })
    };
    let ended = kept(session);
    // The runtime directory went with the log-in; the grant did not, nor did all that uses it.
    if session.places.runtime.exists() {
        return ended;
    }
    let elsewhere = session.again()?;
    let lock = material::lock(&elsewhere.places, entitlement, "keeper");
    if let Some(directory) = lock.parent() {
        files::private_directory(directory)?;
    }
    match Lock::if_free(&lock)? {
        Some(_alone) => kept(&elsewhere),
        None => Ok(()),
    }
}

fn keep(session: &Session, entitlement: &Entitlement) -> Result<()> {
    // Its directory is there before it is watched, and watched before the cache is read. Who forgets a
    // lease may know another runtime directory, but the same cache.
    drop(kept::put(session, entitlement)?);
    let directory = material::directory(&session.places, entitlement);
    let leases = cache::directory(&session.places);
    let vigil = Vigil::over(&[&directory, &leases]).map_err(|error| broken(&error))?;
    let mut pause = FIRST;
    let is_served = session.server()?.is_some();
    let mut asked_at = None;
    while directory.is_dir() && kept::is_set_up(session)? {
        let put = kept::put(session, entitlement)?;
        let Some(lease) = put.held.clone() else {
            // Whoever brings a lease from now on finds that nobody keeps it.
            return flock(stdin(), FlockOperation::Unlock).map_err(|error| broken(&error.into()));
        };
        drop(put);
        // A catalogue that is being edited is no reason to end.
        drop(kept::refresh(session));
        let now = (session.clock)();
        let stood_at = asked_at.into_iter().fold(lease.stood_at(), Timestamp::max);
        let ask_at = is_served.then(|| stood_at.after(UNASKED));
        if ask_at.is_some_and(|at| at <= now) {
            asked_at = Some(now);
            confirm(session)?;
            continue;
        }
        let due = due(&lease);
        let wake = if now < due {
            pause = FIRST;
            due
        } else if renewed(session, entitlement)? {
            continue;
        } else {
            let wake = now.after(pause);
            pause = (pause * 2).min(LONGEST);
            let ends = [lease.credential.expires_at, lease.grant.expires_at];
            let ends = ends.into_iter().filter(|end| now < *end);
            ends.fold(wake, Timestamp::min)
        };
        let wake = ask_at.map_or(wake, |at| at.min(wake));
        vigil.sleep(wake).map_err(|error| broken(&error))?;
    }
    material::clear(&session.places, entitlement).map(drop)
}

/// When there is something to do for a lease.
fn due(lease: &Lease) -> Timestamp {
    if lease.is_last() {
        lease.grant.expires_at
    } else {
        lease.renew_at()
    }
}

/// Has a child ask the server whether what is held stands. What does not is dropped, and that it cannot be asked
/// changes nothing.
fn confirm(session: &Session) -> Result<()> {
    let mut command = detached::command(session, "confirm")?;
    let asked = command.arg("--stay").current_dir("/").status();
    asked.map(drop).map_err(|error| broken(&error))
}

/// Whether a child made the lease fresh, or found that there is none.
fn renewed(session: &Session, entitlement: &Entitlement) -> Result<bool> {
    let mut command = kept::command(session, entitlement)?;
    let ended = command.arg("--renew").status();
    let ended = ended.map_err(|error| broken(&error))?;
    let denied = ended.code() == Some(Code::Denied as i32);
    Ok(ended.success() || denied)
}

/// Renews under the live grant, and never asks for a new one: nobody is there who would want it.
fn renew(session: &Session, entitlement: &Entitlement) -> Result<()> {
    let binding = binding::of(
        &session.catalogue_to_look_up()?,
        entitlement,
        &session.places,
    )?;
    let cache = Cache::open(&session.places)?.bound_to(binding);
    let lease = cache.fresh_or(entitlement, session.clock, |held| {
        let held = held.ok_or_else(|| over(entitlement))?;
        let renewed = block_on(acquire::renewed(session, held, Some("jit keep")))?;
        if let Err(failure) = &renewed
            && failure.code == Code::Denied
        {
            drop_lease(session, &cache, entitlement)?;
        }
        renewed
    })?;
    match lease.freshness((session.clock)()) {
        Freshness::Fresh => Ok(()),
        Freshness::Renewable | Freshness::Over => {
            Err(Failure::failed(format!("{entitlement} was not renewed")))
        }
    }
}

fn over(entitlement: &Entitlement) -> Failure {
    Failure::denied(format!("you hold no live grant for {entitlement}"))
        .hint(format!("run: jit request {entitlement}"))
}
