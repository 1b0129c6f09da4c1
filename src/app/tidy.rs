//! `jit tidy`, hidden: removes what grants that are over have left at their targets, behind the
//! back of the command whose elevation noticed it.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use rustix::process::setsid;

use super::{
    embedded::{block_on, without_policies},
    session::Session,
};
use crate::{
    domain::failure::{Failure, Result},
    platform::{
        lock::Lock,
        process::{own_file, without_inherited},
    },
};

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
        // A grandchild of whoever asked: the tool finds no child that it did not make.
        return without_inherited(command(session)?.arg("--stay"))
            .and_then(Command::spawn)
            .map(drop)
            .map_err(|error| broken(&error));
    }
    _ = setsid();
    // One at a time: a target that is down keeps this process for a while, and each elevation begins one.
    let Some(_lock) = Lock::if_free(&session.places.state.join("tidy.lock"))? else {
        return Ok(());
    };
    block_on(async {
        let authority = without_policies(session).await?;
        authority.tidy(&session.origin(None)).await.map(drop)
    })?
}

/// Starts tidying in the background. That it cannot be started is no reason to fail: the next
/// elevation tries again.
pub fn begin(session: &Session) {
    let begun =
        command(session).and_then(|mut command| command.status().map_err(|error| broken(&error)));
    if let Err(failure) = begun {
        session.tell(&format!("not tidied: {failure}"));
    }
}

fn command(session: &Session) -> Result<Command> {
    let mut command = Command::new(own_file()?);
    command
        .arg("--config-dir")
        .arg(&session.places.configuration)
        .arg("tidy")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command)
}

fn broken(error: &io::Error) -> Failure {
    Failure::failed("jit cannot start itself").because(error)
}
