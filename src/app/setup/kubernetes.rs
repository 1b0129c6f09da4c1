//! `jit setup kubernetes`: what the files of this kind should be.

use super::ground::{Ground, Plan};
use crate::domain::failure::Result;

/// What they should be.
pub(super) fn plan(_: &Ground<'_>) -> Result<Plan> {
    Ok(Plan::default())
}

/// What they were.
pub(super) fn undo(_: &Ground<'_>) -> Result<Plan> {
    Ok(Plan::default())
}
