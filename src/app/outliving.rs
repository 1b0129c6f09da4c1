//! What still works of somebody who was shut out, told to the administrator who did it.

use super::{session::Session, status::short};
use crate::{
    domain::{failure::Result, principal::Principal},
    platform::{local_time::Zone, terminal},
    protocol::principal::OutlivingView,
};

/// What works although it has ended, for each target, and until when.
pub(super) fn show(session: &Session, who: &Principal, all: &[OutlivingView]) -> Result<()> {
    let (now, zone) = ((session.clock)(), Zone::of_the_user());
    for one in all {
        let of = if one.principal == who.written() {
            String::new()
        } else {
            format!(" of {}", one.principal)
        };
        session.print(&terminal::plain_line(&format!(
            "  {}{of}: the newest credential works until {} ({} left), since its target cannot be told",
            one.entitlement,
            zone.written(one.until),
            short(one.until.left(now)),
        )))?;
    }
    if all.is_empty() {
        session.print("  no credential works any more at a target that cannot be told")?;
    }
    session.print("  a session that is open at a target goes on until it ends")
}
