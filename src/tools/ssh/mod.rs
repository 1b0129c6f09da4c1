//! ssh: to be written.

use super::task::{Injection, Recognised, Task};
use crate::{
    domain::failure::{Failure, Result},
    platform::process::Launch,
};

/// Recognises.
pub fn recognise(_: &Task<'_>) -> Result<Recognised> {
    Err(Failure::failed("not written yet"))
}

/// Launches.
pub fn launch(_: &Injection<'_>) -> Result<Launch> {
    Err(Failure::failed("not written yet"))
}
