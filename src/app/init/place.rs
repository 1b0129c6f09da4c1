//! The directory that configuration is written into.

use std::{fs, path::Path};

use crate::{
    domain::failure::{Failure, Result},
    platform::files,
};

/// A directory of ours is private; one that is there may be read by others, not written.
pub(super) fn own_directory(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => files::refuse_foreign(path, &metadata),
        Ok(_) => Err(
            Failure::failed(format!("{} is not a directory", path.display()))
                .hint("move it away; jit makes a directory there"),
        ),
        Err(_) => files::private_directory(path),
    }
}
