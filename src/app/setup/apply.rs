//! An edit carried out: whole or not at all, never over what somebody else wrote meanwhile.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
    process::geteuid,
};

use super::edit::Edit;
use crate::{
    domain::{
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::{files, keys, terminal},
};

/// Carries out an edit. What was there before rests in `backups`, for this user alone, before
/// anything changes; where the file was changed since the edit was made, it stays as it is.
///
/// # Errors
/// The file cannot be written, is read-only, is not ours, or was changed meanwhile.
pub(super) fn apply(edit: &Edit, backups: &Path, now: Timestamp) -> Result<()> {
    let target = target(&edit.file)?;
    if let Some(before) = &edit.before {
        refuse_unwritable(&edit.file, &target)?;
        back_up(&edit.file, before, backups, now)?;
    }
    let done = match (&edit.before, &edit.after) {
        (Some(before), Some(after)) => exchange(&target, before, after),
        (Some(before), None) => take_away(&target, before),
        (None, Some(after)) => put(&target, after),
        (None, None) => Ok(true),
    };
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::failed(format!(
            "{} was changed by somebody else meanwhile, so it stays as it is",
            edit.file.display()
        ))
        .hint("run the same command again")),
        Err(error) => Err(
            Failure::failed(format!("{} cannot be written", edit.file.display()))
                .because(&error)
                .hint("check the permissions of its directory and the free space"),
        ),
    }
}

/// The file behind the links: they stay links.
fn target(file: &Path) -> Result<PathBuf> {
    match fs::canonicalize(file) {
        Ok(target) => Ok(target),
        Err(_) if fs::symlink_metadata(file).is_ok() => Err(Failure::failed(format!(
            "{} is a link that leads nowhere",
            file.display()
        ))
        .hint("remove it, or make the file that it names")),
        Err(_) => {
            let directory = file.parent().unwrap_or_else(|| Path::new("/"));
            files::refuse_foreign_ground(file)?;
            make_directory(directory)?;
            let real = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
            Ok(real.join(file.file_name().unwrap_or_default()))
        }
    }
}

fn make_directory(directory: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| files::unmakeable(directory, &error))
}

fn refuse_unwritable(file: &Path, target: &Path) -> Result<()> {
    let shown = file.display();
    let Ok(metadata) = fs::metadata(target) else {
        return Ok(());
    };
    if metadata.uid() != geteuid().as_raw() {
        return Err(Failure::failed(format!("{shown} belongs to another user"))
            .hint("run jit as its owner"));
    }
    if metadata.mode() & 0o200 == 0 {
        return Err(
            Failure::failed(format!("{shown} is read-only")).hint(format!(
                "run: chmod u+w '{shown}', or see the change with --dry-run"
            )),
        );
    }
    Ok(())
}

fn back_up(file: &Path, before: &str, backups: &Path, now: Timestamp) -> Result<()> {
    let name: Vec<String> = file
        .iter()
        .skip(1)
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    files::private_directory(backups)?;
    let name = format!("{}.{}", name.join(","), now.millis());
    files::write_private(&backups.join(name), before.as_bytes())
}

/// Replaces the file by one exchange of names, then looks at what came out: where that is not what
/// was expected, the exchange is undone.
fn exchange(target: &Path, before: &str, after: &str) -> io::Result<bool> {
    let temporary = beside(target, after, Some(&fs::metadata(target)?))?;
    match swap(&temporary, target) {
        Ok(()) => {}
        Err(error) if is_unsupported(&error) => return replace(&temporary, target, before),
        Err(error) => {
            drop(fs::remove_file(&temporary));
            return Err(error);
        }
    }
    let expected = fs::read(&temporary)? == before.as_bytes();
    if !expected {
        swap(&temporary, target)?;
    }
    // What is not ours is not removed: somebody may have written between the two exchanges.
    if expected || fs::read(&temporary)? == after.as_bytes() {
        fs::remove_file(&temporary)?;
    }
    Ok(expected)
}

fn swap(temporary: &Path, target: &Path) -> io::Result<()> {
    Ok(renameat_with(
        CWD,
        temporary,
        CWD,
        target,
        RenameFlags::EXCHANGE,
    )?)
}

/// Whether the file system has no such operation: NFS, sshfs and others take no flag of `renameat2(2)`.
fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    unsupported
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Replaces the file where two names cannot be exchanged. What somebody writes between the look and the
/// renaming is lost, so that is said.
fn replace(temporary: &Path, target: &Path, before: &str) -> io::Result<bool> {
    terminal::say(&format!(
        "jit: the file system of {} cannot exchange two files (NFS and sshfs cannot), so it is replaced by \
         renaming: a change that another program makes in the same moment is lost",
        target.display()
    ));
    let replaced = fs::read(target).and_then(|found| {
        let expected = found == before.as_bytes();
        if expected {
            fs::rename(temporary, target)?;
        }
        Ok(expected)
    });
    if !matches!(replaced, Ok(true)) {
        drop(fs::remove_file(temporary));
    }
    replaced
}

/// Puts a file where none is.
fn put(target: &Path, after: &str) -> io::Result<bool> {
    let temporary = beside(target, after, None)?;
    let put = put_new(&temporary, target);
    if !matches!(put, Ok(true)) {
        drop(fs::remove_file(&temporary));
    }
    put
}

/// Gives a file a name that no other has; `false` where one has it.
fn put_new(temporary: &Path, target: &Path) -> io::Result<bool> {
    match renameat_with(CWD, temporary, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(true),
        Err(Errno::EXIST) => return Ok(false),
        Err(error) if !is_unsupported(&error.into()) => return Err(error.into()),
        Err(_) => {}
    }
    match fs::hard_link(temporary, target) {
        Ok(()) => fs::remove_file(temporary).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        // Neither are there second names, as on sshfs.
        Err(_) if fs::symlink_metadata(target).is_ok() => Ok(false),
        Err(_) => fs::rename(temporary, target).map(|()| true),
    }
}

/// Takes the file away, unless it is another one than expected.
fn take_away(target: &Path, before: &str) -> io::Result<bool> {
    let temporary = unused_name(target)?;
    fs::rename(target, &temporary)?;
    if fs::read(&temporary)? == before.as_bytes() {
        return fs::remove_file(&temporary).map(|()| true);
    }
    put_new(&temporary, target)?;
    Ok(false)
}

/// A new file beside the target with that text, on the disk, with the target's mode and owner.
fn beside(target: &Path, text: &str, like: Option<&fs::Metadata>) -> io::Result<PathBuf> {
    let temporary = unused_name(target)?;
    let written = write(&temporary, text, like);
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written.map(|()| temporary)
}

fn write(path: &Path, text: &str, like: Option<&fs::Metadata>) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    if let Some(like) = like {
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            // A group that is not ours to give: the file stays ours alone.
            drop(fchown(&file, None, Some(like.gid())));
        }
        file.set_permissions(Permissions::from_mode(like.mode() & 0o7777))?;
    }
    file.sync_all()
}

fn unused_name(target: &Path) -> io::Result<PathBuf> {
    let chance = keys::random::<8>().map_err(|_| io::Error::from(ErrorKind::Other))?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    Ok(target.with_file_name(format!(".{name}.jit-{}", keys::hex(&chance))))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    struct Desk {
        directory: tempfile::TempDir,
    }

    impl Desk {
        fn new() -> Self {
            Self {
                directory: tempfile::tempdir().unwrap(),
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        #[expect(clippy::disallowed_methods, reason = "a user's own file")]
        fn file(&self, text: &str) -> PathBuf {
            let file = self.path("rc");
            fs::write(&file, text).unwrap();
            file
        }

        fn apply(&self, file: &Path, before: Option<&str>, after: Option<&str>) -> Result<()> {
            let edit = Edit {
                file: file.to_owned(),
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
            };
            apply(&edit, &self.path("backups"), Timestamp::from_secs(1))
        }

        fn text(&self) -> String {
            fs::read_to_string(self.path("rc")).unwrap()
        }

        /// What lies around besides the file and its backups.
        fn litter(&self) -> usize {
            let entries = fs::read_dir(self.directory.path()).unwrap().flatten();
            let names = entries.map(|entry| entry.file_name());
            names
                .filter(|name| name.to_string_lossy().starts_with(".rc"))
                .count()
        }
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_and_a_backup() {
        let desk = Desk::new();
        let file = desk.file("old");
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        desk.apply(&file, Some("old"), Some("new")).unwrap();
        assert_eq!(desk.text(), "new");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
        let backup = fs::read_dir(desk.path("backups"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        assert_eq!(fs::read_to_string(backup.path()).unwrap(), "old");
        assert_eq!(backup.metadata().unwrap().mode() & 0o777, 0o600);
        desk.apply(&file, Some("new"), None).unwrap();
        assert!(!file.exists());
        desk.apply(&file, None, Some("made")).unwrap();
        assert_eq!((desk.text().as_str(), desk.litter()), ("made", 0));
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_stays() {
        let desk = Desk::new();
        let file = desk.file("theirs");
        for (before, after) in [
            (Some("old"), Some("new")),
            (Some("old"), None),
            (None, Some("new")),
        ] {
            let failure = desk.apply(&file, before, after).unwrap_err();
            assert!(failure.message.contains("meanwhile"), "{failure:?}");
            assert_eq!((desk.text().as_str(), desk.litter()), ("theirs", 0));
        }
    }

    #[test]
    fn a_link_stays_a_link_and_one_that_leads_nowhere_is_refused() {
        let desk = Desk::new();
        let (file, link) = (desk.file("old"), desk.path("link"));
        symlink(&file, &link).unwrap();
        desk.apply(&link, Some("old"), Some("new")).unwrap();
        assert!(link.is_symlink());
        assert_eq!(desk.text(), "new");
        fs::remove_file(&file).unwrap();
        let failure = desk.apply(&link, None, Some("new")).unwrap_err();
        assert!(failure.message.ends_with("leads nowhere"), "{failure:?}");
    }

    #[test]
    fn a_file_that_its_owner_made_read_only_is_not_written() {
        let desk = Desk::new();
        let file = desk.file("old");
        fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
        let failure = desk.apply(&file, Some("old"), Some("new")).unwrap_err();
        assert!(failure.hint.contains("chmod u+w"), "{failure:?}");
        assert_eq!(desk.text(), "old");
    }
}
