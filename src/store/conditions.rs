//! What must hold of the caller on whose account something is recorded.

use std::collections::BTreeSet;

use serde_json::json;

use super::statement::Statement;
use crate::domain::{
    id::GrantId,
    once::Once,
    principal::{Caller, Principal},
};

/// Holds while the session has not been ended, whatever its time.
pub fn goes_on(id: &GrantId) -> Statement {
    Statement::new(
        "select 1 from sessions where id = $1 and ended_at = 0",
        [id.as_str().into()],
    )
    .by_key()
}

/// Holds while a principal is not disabled, known or not.
pub fn may_come(who: &Principal) -> Statement {
    Statement::new(
        "select 1 where not exists (
             select 1 from principals where class = $1 and name = $2 and disabled_at <> 0)",
        [who.class().as_str().into(), who.name().into()],
    )
    .by_key()
}

/// Holds while a caller's principal is not disabled, and no newer attestation changed its groups since the
/// caller was read.
pub fn stands(caller: &Caller) -> Statement {
    let who = &caller.principal;
    Statement::new(
        "select 1 where not exists (
             select 1 from principals where class = $1 and name = $2
                 and (disabled_at <> 0 or attested_groups <> $3))",
        [
            who.class().as_str().into(),
            who.name().into(),
            groups_text(caller.newest_groups.as_ref()).into(),
        ],
    )
    .by_key()
}

/// Attested groups as a column has them: always the same text for the same groups.
pub(super) fn groups_text(groups: Option<&BTreeSet<String>>) -> String {
    groups.map_or_else(String::new, |groups| json!(groups).to_string())
}

/// Holds while it was not used.
pub fn is_unspent(once: &Once) -> Statement {
    Statement::new(
        "select 1 where not exists (select 1 from spent where id = $1)",
        [once.id.clone().into()],
    )
    .by_key()
}

/// Uses it.
pub fn spend(once: &Once) -> Statement {
    Statement::insert(
        "insert into spent (id, expires_at)",
        [once.id.clone().into(), once.until.millis().into()],
        "",
    )
}
