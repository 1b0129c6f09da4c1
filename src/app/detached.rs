//! A process of ours behind the back of the command that starts it.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use super::session::Session;
use crate::{
    domain::failure::{Failure, Result},
    platform::process::{own_file, without_inherited},
};

/// This program with that verb and the configuration of this run. It shares no stream, and a
/// terminal's signals are not meant for it.
pub fn command(session: &Session, verb: &str) -> Result<Command> {
    let mut command = Command::new(own_file()?);
    command
        .arg("--config-dir")
        .arg(&session.places.configuration)
        .arg(verb)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command)
}

/// Runs that verb, which starts what stays behind ([`start_staying`]) and ends at once.
pub fn begin(session: &Session, verb: &str) -> Result<()> {
    let ran = command(session, verb)?.status();
    ran.map(drop).map_err(|error| broken(&error))
}

/// Starts that verb again with `--stay`. It becomes a grandchild of the command that it works for: the tool finds
/// no child that it did not make.
pub fn start_staying(session: &Session, verb: &str) -> Result<()> {
    without_inherited(command(session, verb)?.arg("--stay"))
        .and_then(Command::spawn)
        .map(drop)
        .map_err(|error| broken(&error))
}

/// What is said where it cannot be started.
pub fn broken(error: &io::Error) -> Failure {
    Failure::failed("jit cannot start itself").because(error)
}
