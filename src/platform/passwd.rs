//! The user database: `/etc/passwd` alone, since a static binary cannot ask LDAP or SSSD.

use std::path::{Path, PathBuf};

use rustix::process::getuid;

use super::files;

const DATABASE: &str = "/etc/passwd";

/// The home directory that the user database names.
pub fn home() -> Option<PathBuf> {
    let database = database();
    let home = PathBuf::from(entry(&database, getuid().as_raw())?.home);
    home.is_absolute().then_some(home)
}

/// The text of the user database.
pub fn database() -> String {
    let read = files::read(Path::new(DATABASE)).ok().flatten();
    String::from_utf8_lossy(&read.unwrap_or_default()).into_owned()
}

/// What an entry says of a user.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The login name.
    pub name: &'a str,
    /// The home directory.
    pub home: &'a str,
}

/// The first entry of that number, as `getpwuid(3)` has it: `name:password:uid:gid:comment:home:shell`.
pub fn entry(database: &str, uid: u32) -> Option<Entry<'_>> {
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
}
