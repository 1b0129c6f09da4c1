//! What processes that ended badly have left behind.

use std::{fs, io::ErrorKind, os::unix::net::UnixStream, path::Path};

use super::{finding::Finding, ground::Ground};
use crate::cache;

/// All of it.
pub(super) fn look(ground: &Ground) -> Vec<Finding> {
    [leases(ground), agents(ground)]
        .into_iter()
        .flatten()
        .collect()
}

/// Leases that cannot be opened: cut off, or sealed with another key.
fn leases(ground: &Ground) -> Option<Finding> {
    let places = &ground.session.places;
    let there = cache::resting(places).len();
    let broken = there.saturating_sub(cache::glance(places).len());
    (broken > 0).then(|| {
        Finding::note(
            "leftovers",
            format!("cached leases that cannot be opened: {broken}"),
        )
        .hint("drop them: jit forget --all")
    })
}

/// Directories of private agents that nobody serves any more: a process that was killed could not
/// take its own away.
fn agents(ground: &Ground) -> Option<Finding> {
    let runtime = &ground.session.places.runtime;
    let entries = fs::read_dir(runtime).into_iter().flatten().flatten();
    let dead = entries
        .map(|entry| entry.path())
        .filter(|path| is_dead_agent(path))
        .count();
    (dead > 0).then(|| {
        let shown = runtime.display();
        let says = format!("directories of ssh agents that have ended, in {shown}: {dead}");
        Finding::note("leftovers", says)
            .hint("they hold no key; the next boot, or rm -r, takes them away")
    })
}

fn is_dead_agent(directory: &Path) -> bool {
    let name = directory.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(b"ssh-")
        && UnixStream::connect(directory.join("s"))
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}
