//! The hosts that a login jumps through: each is a login of its own.

use std::{ffi::OsString, path::Path};

use super::{
    call::Call,
    resolve::{Resolved, resolve},
    target,
};
use crate::{
    domain::{catalogue::Catalogue, failure::Result},
    tools::task::Login,
};

/// A chain that is longer leads in a circle.
const LONGEST: usize = 8;

/// Adds the logins of the jumps that lead to a host, where they are ours. A jump host that no
/// resource has, or a login there that is no role, is the user's own affair. Answers whether there is
/// one of ours whose configuration does not call jit by itself.
pub fn through(
    ssh: &Path,
    call: &Call,
    resolved: &Resolved,
    catalogue: &Catalogue,
    logins: &mut Vec<Login>,
) -> Result<bool> {
    let mut needs_us = false;
    let call = inherited(call);
    let mut jumps = resolved.jumps.clone();
    for _ in 0..LONGEST {
        let Some(jump) = jumps.pop() else { break };
        let resolved = resolve(ssh, &call, &jump)?;
        if jumps.is_empty() {
            // Only the nearest is reached by its own configuration.
            jumps.extend(resolved.jumps.iter().cloned());
        }
        let Some(found) = target::at(catalogue, &resolved)? else {
            continue;
        };
        let Ok(role) = target::role(found, &resolved.user) else {
            continue;
        };
        needs_us |= !resolved.is_hooked;
        let login = Login {
            host: jump.host.clone(),
            entitlement: target::entitlement(found, role),
            is_hooked: resolved.is_hooked,
            has_own_agent: resolved.has_own_agent,
        };
        if !logins.contains(&login) {
            logins.push(login);
        }
    }
    Ok(needs_us)
}

/// ssh hands its configuration file to the ssh that jumps, and no other option.
fn inherited(call: &Call) -> Call {
    let options: Vec<&OsString> = call.before.iter().chain(&call.after).collect();
    let files = options.chunks_exact(2).filter(|pair| match pair {
        [letter, _] => *letter == "-F",
        _ => false,
    });
    Call {
        before: files.flatten().map(|word| (*word).clone()).collect(),
        ..Call::default()
    }
}
