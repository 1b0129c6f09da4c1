//! What tells the files of one configuration directory from those of all others of the same user. What one
//! configuration's policies allow is nothing that another one has decided.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::keys;

/// Hexadecimal digits in the name of a directory, which sockets' paths must be short enough for.
const DIGITS: usize = 8;

/// The SHA-256 of a configuration directory's path, in hexadecimal.
pub fn digest(configuration: &Path) -> String {
    // Without what the same path may be written with besides: `/c/./jit/`.
    let path: PathBuf = configuration.components().collect();
    keys::hex(&keys::sha256(path.as_os_str().as_bytes()))
}

/// The name of a directory for what belongs to one configuration directory: `ssh,0123abcd`.
pub fn own_directory(kind: &str, configuration: &Path) -> String {
    let digest = digest(configuration);
    format!("{kind},{}", digest.get(..DIGITS).unwrap_or(&digest))
}
