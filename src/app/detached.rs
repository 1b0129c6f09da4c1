//! A process of ours behind the back of the command that starts it.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use super::session::Session;
use crate::{
    domain::failure::{Failure, Result},
    platform::process::own_file,
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

/// What is said where it cannot be started.
pub fn broken(error: &io::Error) -> Failure {
    Failure::failed("jit cannot start itself").because(error)
}
