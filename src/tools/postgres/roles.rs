//! The roles of a PostgreSQL server: the one that a command starts with, and their names for a hint.

use crate::domain::{
    catalogue::{PostgresResource, PostgresRole},
    entitlement::{ResourceName, RoleName},
    failure::{Failure, Result},
};

/// The role that psql starts with: of those whose name says that they read (or of all, where none
/// says so) the one of the lowest tier.
pub fn smallest(name: &ResourceName, resource: &PostgresResource) -> Result<(RoleName, String)> {
    let readers: Vec<_> = resource.roles.iter().filter(|(n, r)| reads(n, r)).collect();
    let (of, why) = if readers.is_empty() {
        (resource.roles.iter().collect(), "has the lowest tier")
    } else {
        (readers, "is the smallest role that reads")
    };
    let lowest = of.iter().map(|(_, role)| role.tier).min();
    let mut least = of.iter().filter(|(_, role)| Some(role.tier) == lowest);
    match (least.next(), least.next()) {
        (Some((role, _)), None) => Ok(((*role).clone(), format!("{role} {why}"))),
        _ => Err(
            Failure::usage(format!("no role of {name} is the smallest")).hint(format!(
                "name one with --role: {}",
                role_names(resource).join(", ")
            )),
        ),
    }
}

/// Whether the words in a role's name, or in that of its database role, say that it only reads.
fn reads(name: &RoleName, role: &PostgresRole) -> bool {
    const READ: [&str; 10] = [
        "r", "ro", "read", "reader", "readers", "readonly", "select", "view", "viewer", "viewers",
    ];
    const WRITE: [&str; 8] = [
        "admin",
        "edit",
        "owner",
        "readwrite",
        "rw",
        "w",
        "write",
        "writer",
    ];
    let words = |text: &str| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
        parts.map(str::to_ascii_lowercase).collect()
    };
    let has = |words: &[String], list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let (own, database) = (words(name.as_str()), words(&role.role));
    let writes = has(&own, &WRITE) || has(&database, &WRITE);
    !writes && (has(&own, &READ) || has(&database, &READ))
}

/// The roles with the database roles behind them, for a hint.
pub fn role_names(resource: &PostgresResource) -> Vec<String> {
    let roles = resource.roles.iter();
    roles
        .map(|(name, r)| format!("{name} ({})", r.role))
        .collect()
}
