//! What a server's process stands on.

use std::path::Path;

use crate::domain::{environment::Environment, time::Timestamp};

/// What surrounds a server's process.
pub struct Ground<'a> {
    /// The environment.
    pub environment: &'a Environment,
    /// The configuration directory, where no other is named.
    pub configuration: &'a Path,
    /// The clock.
    pub clock: fn() -> Timestamp,
}
