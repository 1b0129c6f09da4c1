//! Files of ours that somebody else writes or that are put in the place of others: whole databases.

use std::{
    fs::{self, File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::files::{is_absent, is_private, unwritable};
use crate::domain::failure::{Failure, Result};

/// Makes an empty file of mode 0600 for somebody else to write into.
///
/// # Errors
/// There is something at that path already.
pub fn make_private(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| {
        let failure = Failure::failed(format!("{} cannot be made", path.display()));
        let hint = if error.kind() == ErrorKind::AlreadyExists {
            "name another file, or move that one away"
        } else {
            "check the permissions of its directory and the free space"
        };
        failure.because(&error).hint(hint)
    })
}

/// Copies a file that is ours alone into a new one of mode 0600.
///
/// # Errors
/// There is none, or others can read it; there is something at `to` already.
pub fn copy_private(from: &Path, to: &Path) -> Result<()> {
    if !is_private(from)? {
        return Err(Failure::usage(format!("{} is not there", from.display()))
            .hint("name the file that \"jit serve backup\" wrote"));
    }
    make_private(to)?;
    let copied = fs::copy(from, to).map_err(|error| unwritable(to, &error));
    copied.and_then(|_| settle(to))
}

/// Waits until a file that somebody else wrote is on the disk, with its name.
pub fn settle(path: &Path) -> Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let synced = [path, directory.unwrap_or_else(|| Path::new("."))]
        .into_iter()
        .try_for_each(|path| File::open(path)?.sync_all());
    synced.map_err(|error| unwritable(path, &error))
}

/// Renames a file, with its new name on the disk; one that is not there stays so.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(unwritable(to, &error)),
        Ok(()) => settle(to),
    }
}
