//! What `jit exec` says of a command that is given an AWS session: how long it may keep that, and which keys of
//! the user's own it could use instead.

use super::session::Session;
use crate::{
    domain::{catalogue::Resource, failure::Result, lease::Lease},
    platform::{files, keys, terminal},
    tools::{
        aws::own_keys,
        task::{CredentialUse, Recognised, Task},
    },
};

/// Says with `--verbose` which form the session has, and once that a program could use standing keys.
///
/// # Errors
/// The resource is not in the catalogue, or the user's AWS files cannot be read.
pub(super) fn say(
    session: &Session,
    wanted: &Recognised,
    lease: &Lease,
    task: &Task<'_>,
) -> Result<()> {
    let program = task.program_name();
    if wanted.credential_use == CredentialUse::Renewed {
        session.tell(&format!(
            "{program} asks jit for its session by a profile, so it may run for as long as the grant lives"
        ));
        return Ok(());
    }
    let ends = lease.credential.expires_at.to_rfc3339_seconds();
    let what = if lease.is_last() {
        "as long as the grant"
    } else {
        "as long as policy and STS allow, the grant lives on"
    };
    session.tell(&format!(
        "{program} keeps this session until {ends} ({what}), since it finds it in its environment"
    ));
    let Resource::Aws(account) = task.catalogue.resource(&wanted.entitlement.resource)? else {
        return Ok(());
    };
    for profile in &account.profiles {
        for found in own_keys(task.environment, profile)? {
            once(session, &found.what, &found.remedy);
        }
    }
    Ok(())
}

/// Says something once on this machine; where that cannot be kept in mind, every time.
fn once(session: &Session, what: &str, remedy: &str) {
    let hash = keys::hex(&keys::sha256(what.as_bytes()));
    let directory = session.places.state.join("said");
    let mark = directory.join(hash.get(..16).unwrap_or_default());
    if mark.exists() {
        return;
    }
    terminal::say(&format!("jit: {what}; {remedy}"));
    let kept = files::private_directory(&directory);
    drop(kept.and_then(|()| files::write_passing(&mark, b"")));
}
