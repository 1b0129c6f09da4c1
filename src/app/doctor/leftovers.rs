//! What processes that ended badly have left behind.

use std::{fs, io::ErrorKind, os::unix::net::UnixStream, path::Path};

use super::{finding::Finding, ground::Ground};

/// Directories of private agents that nobody serves any more: a process that was killed could not
/// take its own away.
pub(super) fn look(ground: &Ground) -> Vec<Finding> {
    let runtime = &ground.session.places.runtime;
    let entries = fs::read_dir(runtime).into_iter().flatten().flatten();
    let dead = entries
        .map(|entry| entry.path())
        .filter(|path| is_dead_agent(path))
        .count();
    if dead == 0 {
        return Vec::new();
    }
    let says = format!(
        "{dead} directories of ssh agents that have ended are in {}",
        runtime.display()
    );
    vec![
        Finding::note("leftovers", says)
            .hint("they hold no key; the next boot, or rm -r, takes them away"),
    ]
}

fn is_dead_agent(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b"ssh-")
        && UnixStream::connect(directory.join("s"))
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}
