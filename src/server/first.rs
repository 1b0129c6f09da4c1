//! The first administrator of a server that has no provider: a code on its own terminal.

use super::shared::Served;
use crate::{
    authority::{
        Authority,
        people::People,
        workloads::{bootstrap, keys::code_hash},
    },
    domain::{event::Origin, failure::Result},
    platform::{
        assertion::{self, Bound},
        keys, terminal,
    },
};

/// Where nobody ever came, and no provider says who may: shows a code that makes the first administrator.
/// It is good for as long as this process lives, and nobody else was first.
pub(super) async fn code(
    authority: &Authority,
    people: Option<&People>,
    (url, pinned): (&str, Option<&str>),
) -> Result<Option<String>> {
    if people.is_some() || !authority.awaits_its_first().await? {
        return Ok(None);
    }
    let code = keys::hex(&keys::random::<16>()?);
    let pin = pinned.map(|print| format!(" --ca-fingerprint {print}"));
    let pin = pin.unwrap_or_default();
    terminal::report(&format!(
        "jit: nobody administers {url} yet; whoever is to, runs on a machine of theirs, once:\n  \
         jit init --server {url}{pin}\n  jit login --bootstrap --name NAME\nand when asked for the code, types {code}"
    ));
    Ok(Some(code_hash(&code)))
}

/// Makes whoever shows the bootstrap code the first administrator; anybody else passes by.
pub(super) async fn admit(
    served: &Served,
    shown: &str,
    bound: &Bound<'_>,
    origin: &Origin,
) -> Result<()> {
    let now = (served.authority.clock)();
    let said = assertion::hear(shown, bound, now).ok();
    let code = said.and_then(|(_, said)| said.code);
    let Some((name, code)) = code.as_deref().and_then(bootstrap::of_join_code) else {
        return Ok(());
    };
    let is_ours = served
        .bootstrap
        .as_ref()
        .is_some_and(|hash| *hash == code_hash(code));
    if !is_ours {
        return Err(bootstrap::closed());
    }
    served.authority.bootstrap(name, code, origin).await
}
