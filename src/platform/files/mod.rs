//! Files of ours: private, whole or absent.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{
        DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _,
        PermissionsExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{OFlags, StatVfsMountFlags, statvfs},
    process::geteuid,
};

use super::keys;
use crate::domain::failure::{Failure, Result};

/// No file of ours is larger; what is, is not ours.
const LARGEST: u64 = 64 << 20;

/// The bytes of a file that anybody may read; `None` where there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    open_and_read(path, OFlags::empty(), |_| Ok(()))
}

/// The text of a file that anybody may read; `None` where there is none.
pub fn read_text(path: &Path) -> Result<Option<String>> {
    read(path)?.map(|bytes| text(path, bytes)).transpose()
}

/// The bytes of a file that is ours alone; `None` where there is none. A file that others may read
/// or that somebody else owns is refused with the command that mends it.
pub fn read_private(path: &Path) -> Result<Option<Vec<u8>>> {
    open_and_read(path, OFlags::NONBLOCK, |metadata| {
        refuse_shared(path, metadata, 0o600)
    })
}

/// A file that is ours alone, of which parts are read.
#[derive(Debug)]
pub struct PrivateFile {
    file: File,
    path: PathBuf,
}

impl PrivateFile {
    /// Opens it; `None` where there is none. One that others may read or that somebody else owns is refused.
    ///
    /// # Errors
    /// It is refused, with the command that mends it, or cannot be opened.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let file = open_checked(path, OFlags::NONBLOCK, |metadata| {
            refuse_shared(path, metadata, 0o600)
        })?;
        Ok(file.map(|(file, _)| Self {
            file,
            path: path.to_owned(),
        }))
    }

    /// So many bytes from there; `None` where the file ends before.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read_at(&self, offset: usize, length: usize) -> Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; length];
        let offset = u64::try_from(offset).unwrap_or(u64::MAX);
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(unreadable(&self.path, &error)),
        }
    }

    /// All of it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read_all(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&self.file)
            .take(LARGEST)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&self.path, &error))?;
        Ok(bytes)
    }
}

/// Whether there is a file at `path`; refuses one that others can reach.
pub fn is_private(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => refuse_shared(path, &metadata, 0o600).map(|()| true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// What tells a file's content from that of another time without reading it: its inode, size and times;
/// empty where there is no file.
pub fn stamp(path: &Path) -> String {
    fs::metadata(path).map_or_else(
        |_| String::new(),
        |file| {
            format!(
                "{}.{}.{}.{}.{}.{}.{}",
                file.dev(),
                file.ino(),
                file.size(),
                file.mtime(),
                file.mtime_nsec(),
                file.ctime(),
                file.ctime_nsec()
            )
        },
    )
}

/// The text of a file that decides what others may do; `None` where there is none. One that somebody
/// else than its owner can write, or that neither we nor root own, is refused.
pub fn read_trusted(path: &Path) -> Result<Option<String>> {
    let bytes = open_and_read(path, OFlags::NONBLOCK, |metadata| {
        refuse_foreign(path, metadata)
    })?;
    bytes.map(|bytes| text(path, bytes)).transpose()
}

/// Refuses a file or directory whose content somebody else may choose: the rule of OpenSSH for
/// `~/.ssh/config` (`read_config_file_depth` in readconf.c).
pub fn refuse_foreign(path: &Path, metadata: &Metadata) -> Result<()> {
    let shown = path.display();
    let owner = metadata.uid();
    if owner != geteuid().as_raw() && owner != 0 {
        return Err(of_another(path, owner));
    }
    // What root mounted read-only nobody can write, whatever its mode says: a ConfigMap of Kubernetes is
    // such a directory of mode 2777.
    let is_read_only =
        || statvfs(path).is_ok_and(|on| on.f_flag.contains(StatVfsMountFlags::RDONLY));
    if metadata.mode() & 0o022 != 0 && !(owner == 0 && is_read_only()) {
        let now = metadata.mode() & 0o7777;
        return Err(Failure::failed(format!(
            "{shown} can be written by other users (mode {now:04o})"
        ))
        .hint(format!("run: chmod go-w '{shown}'")));
    }
    Ok(())
}

/// Checks the file that was opened, whatever its path means by then, and reads it in one go.
pub(super) fn open_and_read(
    path: &Path,
    flags: OFlags,
    check: impl FnOnce(&Metadata) -> Result<()>,
) -> Result<Option<Vec<u8>>> {
    let Some((file, metadata)) = open_checked(path, flags, check)? else {
        return Ok(None);
    };
    let length = usize::try_from(metadata.len().min(LARGEST)).unwrap_or(0);
    // A little more, so that the end is seen without another round.
    let mut bytes = Vec::with_capacity(length + 32);
    file.take(LARGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    Ok(Some(bytes))
}

fn open_checked(
    path: &Path,
    flags: OFlags,
    check: impl FnOnce(&Metadata) -> Result<()>,
) -> Result<Option<(File, Metadata)>> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    check(&metadata)?;
    Ok(Some((file, metadata)))
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| {
        Failure::failed(format!("{} is not UTF-8 text", path.display())).hint("save it as UTF-8")
    })
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("{} cannot be read", path.display()))
        .because(error)
        .hint("check the path and its permissions")
}

/// Refuses a file or directory that somebody else owns or can reach into.
pub(super) fn refuse_shared(path: &Path, metadata: &Metadata, mode: u32) -> Result<()> {
    let shown = path.display();
    if metadata.is_dir() && metadata.uid() == 0 && !geteuid().is_root() {
        // As the volume of a pod that does not run as root, which it cannot change.
        return Err(
            Failure::failed(format!("{shown} belongs to another user")).hint(format!(
                "name a directory below it, which is made then: {shown}/jit"
            )),
        );
    }
    if metadata.uid() != geteuid().as_raw() {
        return Err(of_another(path, metadata.uid()));
    }
    if metadata.mode() & 0o077 != 0 {
        let now = metadata.mode() & 0o7777;
        return Err(Failure::failed(format!(
            "{shown} can be reached by other users (mode {now:04o})"
        ))
        .hint(format!("run: chmod {mode:o} '{shown}'")));
    }
    Ok(())
}

/// What belongs to another user. Root under `sudo -E` finds another user's files: these stay theirs.
fn of_another(path: &Path, owner: u32) -> Failure {
    let hint = if geteuid().is_root() {
        format!(
            "run jit as its owner (sudo -u '#{owner}' jit …), or with root's own home: sudo -H jit …"
        )
    } else {
        format!("run jit as its owner, or {ELSEWHERE}")
    };
    Failure::failed(format!("{} belongs to another user", path.display())).hint(hint)
}

/// What names other places than those below the home directory.
const ELSEWHERE: &str =
    "set HOME, or XDG_CONFIG_HOME, XDG_STATE_HOME and XDG_CACHE_HOME, to directories of your own";

/// Refuses to make anything in another user's directory: the nearest one above `path` that is there must
/// belong to us, or to root.
pub fn refuse_foreign_ground(path: &Path) -> Result<()> {
    let mut above = path.ancestors().skip(1);
    let found = above.find_map(|directory| Some((directory, fs::metadata(directory).ok()?)));
    match found {
        Some((directory, metadata)) if ![0, geteuid().as_raw()].contains(&metadata.uid()) => {
            Err(of_another(directory, metadata.uid()))
        }
        _ => Ok(()),
    }
}

/// Why a directory cannot be made.
pub fn unmakeable(path: &Path, error: &io::Error) -> Failure {
    let refused = [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem];
    let hint = if refused.contains(&error.kind()) {
        ELSEWHERE
    } else {
        "check its parent directory's permissions and the free space"
    };
    Failure::failed(format!("{} cannot be made", path.display()))
        .because(error)
        .hint(hint)
}

/// Makes sure that `path` is a directory that is ours alone, with its parents.
///
/// # Errors
/// It is not, it cannot be made, or it would be made in another user's directory.
pub fn private_directory(path: &Path) -> Result<()> {
    if is_private_directory(path)? {
        return Ok(());
    }
    refuse_foreign_ground(path)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| unmakeable(path, &error))?;
    // Somebody else may have made it meanwhile, where its parent lets them.
    is_private_directory(path).map(drop)
}

/// Whether there is a directory at `path`; refuses one that others can reach, and a link to one that
/// is not our own: whoever made the link chooses where it leads.
pub fn is_private_directory(path: &Path) -> Result<bool> {
    let Ok(mut metadata) = fs::symlink_metadata(path) else {
        return Ok(false);
    };
    if metadata.is_symlink() {
        if metadata.uid() != geteuid().as_raw() && metadata.uid() != 0 {
            return Err(
                Failure::failed(format!("{} is a link of another user", path.display()))
                    .hint("remove it; jit makes a directory there"),
            );
        }
        metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(_) => return Ok(false),
        };
    }
    if !metadata.is_dir() {
        return Err(
            Failure::failed(format!("{} is not a directory", path.display()))
                .hint("move it away; jit makes a directory there"),
        );
    }
    refuse_shared(path, &metadata, 0o700).map(|()| true)
}

/// Writes a file of mode 0600 that is there whole or not at all: a temporary file, renamed.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, 0o600, Rests::OnDisk)
}

/// Writes a file of mode 0600 that need not survive a crash of the machine, which spares the wait
/// for the disk.
pub fn write_passing(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, 0o600, Rests::Anywhere)
}

/// Writes a file that others may read, whole or not at all.
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, 0o644, Rests::OnDisk)
}

/// Where bytes must have come to before they count as written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rests {
    OnDisk,
    Anywhere,
}

fn write(path: &Path, bytes: &[u8], mode: u32, rests: Rests) -> Result<()> {
    let temporary = beside(path)?;
    let written =
        write_new(&temporary, bytes, mode, rests).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        drop(fs::remove_file(&temporary));
        unwritable(path, &error)
    })
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("{} cannot be written", path.display()))
        .because(error)
        .hint("check the permissions of its directory and the free space")
}

fn beside(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let chance = keys::hex(&keys::random::<8>()?);
    Ok(path.with_file_name(format!(".{name}.{chance}")))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32, rests: Rests) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    // The process's umask may have taken bits away from a file that others must read.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    match rests {
        Rests::OnDisk => file.sync_all(),
        Rests::Anywhere => Ok(()),
    }
}

/// Removes a file; one that is not there is removed already.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => {
            Err(Failure::failed(format!("{} cannot be removed", path.display())).because(&error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
