//! The operating system's user, who is the principal of the embedded authority.
//!
//! A user who is not in the user database is `uid-N`.

use std::{collections::BTreeSet, path::PathBuf};

use rustix::process::getuid;

use crate::{
    domain::{
        catalogue::Catalogue,
        failure::Result,
        principal::{Caller, Class, Principal},
    },
    platform::passwd::{self, database, entry},
};

/// The user whom the process runs for (the real user id), in the groups that the catalogue says.
pub fn caller(catalogue: &Catalogue) -> Result<Caller> {
    let uid = getuid().as_raw();
    let database = database();
    let name = entry(&database, uid).map(|entry| entry.name);
    let named = name.map(Principal::person);
    let principal = match named {
        Some(Ok(principal)) => principal,
        // A name that could mean more than text somewhere: the number says the same.
        Some(Err(_)) | None => Principal::new(Class::Human, &format!("uid-{uid}"))?,
    };
    let groups = groups_of(catalogue, principal.name());
    Ok(Caller::new(principal, groups))
}

/// What stands before the `sub` of an account at the OpenID provider, among the members of a group.
pub const SUBJECT: &str = "sub:";

/// The groups of the catalogue that list the name.
pub fn groups_of(catalogue: &Catalogue, name: &str) -> BTreeSet<String> {
    let groups = catalogue.groups.iter();
    groups
        .filter(|(_, members)| members.contains(name))
        .map(|(group, _)| group.clone())
        .collect()
}

/// The groups of the catalogue that list that account at the OpenID provider.
pub fn groups_of_subject(catalogue: &Catalogue, subject: &str) -> BTreeSet<String> {
    groups_of(catalogue, &format!("{SUBJECT}{subject}"))
}

/// The home directory that the user database names.
pub fn home() -> Option<PathBuf> {
    passwd::home()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_come_from_the_catalogue_alone() {
        let mut catalogue = Catalogue::default();
        let alice = BTreeSet::from(["alice".to_owned()]);
        catalogue.groups.insert("on-call".to_owned(), alice);
        assert_eq!(groups_of(&catalogue, "alice").len(), 1);
        assert!(groups_of(&catalogue, "Alice").is_empty());
    }
}
