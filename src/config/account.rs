//! The operating system's user, who is the principal of the embedded authority.
//!
//! The user database is `/etc/passwd` alone: a static binary cannot ask LDAP or SSSD, and a user
//! who is only known there is `uid-N`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use rustix::process::getuid;

use crate::{
    domain::{
        catalogue::Catalogue,
        failure::Result,
        principal::{Caller, Class, Principal},
    },
    platform::files,
};

const DATABASE: &str = "/etc/passwd";

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
    let database = database();
    let home = PathBuf::from(entry(&database, getuid().as_raw())?.home);
    home.is_absolute().then_some(home)
}

fn database() -> String {
    let read = files::read(Path::new(DATABASE)).ok().flatten();
    String::from_utf8_lossy(&read.unwrap_or_default()).into_owned()
}

struct Entry<'a> {
    name: &'a str,
    home: &'a str,
}

/// The first entry of that number, as `getpwuid(3)` has it: `name:password:uid:gid:comment:home:shell`.
fn entry(database: &str, uid: u32) -> Option<Entry<'_>> {
    database.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let number: u32 = fields.nth(1)?.parse().ok()?;
        let home = fields.nth(2)?;
        (number == uid).then_some(Entry { name, home })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_number_among_broken_lines() {
        let database = "# comment\n\n:x:7:7::/:/bin/sh\nbroken:x\nalice:x:7:7:A, B:/home/alice:/bin/sh\nbob:x:7:8::/b:/b\n";
        let alice = entry(database, 7).unwrap();
        assert_eq!((alice.name, alice.home), ("alice", "/home/alice"));
        assert!(entry(database, 8).is_none());
    }

    #[test]
    fn groups_come_from_the_catalogue_alone() {
        let mut catalogue = Catalogue::default();
        let alice = BTreeSet::from(["alice".to_owned()]);
        catalogue.groups.insert("on-call".to_owned(), alice);
        assert_eq!(groups_of(&catalogue, "alice").len(), 1);
        assert!(groups_of(&catalogue, "Alice").is_empty());
    }
}
