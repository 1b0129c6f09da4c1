//! `jit tidy`, hidden: removes what grants that are over have left at their targets, behind the
//! back of the command whose elevation noticed it.

use rustix::process::setsid;

use super::{
    detached,
    embedded::{block_on, without_policies},
    session::Session,
};
use crate::{domain::failure::Result, platform::lock::Lock};

/// The verb that tidies.
const VERB: &str = "tidy";

/// Remove what grants that are over have left at their targets
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stay and tidy; without it, start the process that stays.
    #[arg(long, hide = true)]
    stay: bool,
}

/// Tidies, or starts the process that does.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    if !args.stay {
        return detached::start_staying(session, VERB);
    }
    _ = setsid();
    // One at a time: a target that is down keeps this process for a while, and each elevation begins one.
    let Some(_lock) = Lock::if_free(&session.places.state.join("tidy.lock"))? else {
        return Ok(());
    };
    if session.server()?.is_some() {
        // A server tidies by itself.
        return Ok(());
    }
    block_on(async {
        let authority = without_policies(session).await?;
        authority.tidy(&session.origin(None)).await.map(drop)
    })?
}

/// Starts tidying in the background. That it cannot be started is no reason to fail: the next
/// elevation tries again.
pub fn begin(session: &Session) {
    if let Err(failure) = detached::begin(session, VERB) {
        session.tell(&format!("not tidied: {failure}"));
    }
}
