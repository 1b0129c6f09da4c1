//! Locks of the kernel, which end with their process.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    thread::sleep,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::terminal;
use crate::domain::failure::{Code, Failure, Result};

/// How often a lock is looked at that is not waited for for ever.
const PAUSE: Duration = Duration::from_millis(10);
/// Far longer than what is done in moments takes where many come at once. Who needs longer was stopped
/// (Ctrl-Z) while they held the lock.
const MOMENTS: Duration = Duration::from_secs(10);

/// A kernel lock on a file of its own; it ends with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of `path`; calls `waiting` once if somebody else holds it. On a file system without
    /// locks it goes on without one, and says so.
    pub fn acquire(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        let file = lock_file(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Self { file }),
            Err(error) if has_no_locks(error) => {
                terminal::say(&format!(
                    "jit: the file system of {} has no locks, so two jit at once may disturb each other",
                    path.display()
                ));
                return Ok(Self { file });
            }
            Err(_) => waiting(),
        }
        while let Err(error) = flock(&file, FlockOperation::LockExclusive) {
            if error != Errno::INTR {
                return Err(refused(path, error));
            }
        }
        Ok(Self { file })
    }

    /// The locked file, for a child that is to hold the lock from now on.
    pub fn into_file(self) -> File {
        self.file
    }

    /// Takes the lock of `path` once nobody else holds it, or gives up after `patience`.
    pub fn within(path: &Path, patience: Duration) -> Result<Option<Self>> {
        // The kernel knows no limit for this wait but a signal.
        let tries = patience.as_millis() / PAUSE.as_millis();
        for _ in 0..tries {
            if let Some(lock) = Self::if_free(path)? {
                return Ok(Some(lock));
            }
            sleep(PAUSE);
        }
        Self::if_free(path)
    }

    /// Takes the lock of `path`, under which everybody is done within moments.
    ///
    /// # Errors
    /// Timed out: somebody is not.
    pub fn soon(path: &Path) -> Result<Self> {
        Self::within(path, MOMENTS)?.ok_or_else(|| {
            Failure::new(
                Code::TimedOut,
                format!("another jit does not let go of {}", path.display()),
            )
            .hint("is it a job that was stopped? see \"jobs\", end it or let it go on, then try again")
        })
    }

    /// Takes the lock of `path` if nobody else holds it.
    pub fn if_free(path: &Path) -> Result<Option<Self>> {
        let file = lock_file(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(refused(path, error)),
        }
    }
}

/// Whether the file system, and not somebody else's lock, is the reason: NFS without its lock service, or a
/// FUSE file system.
fn has_no_locks(error: Errno) -> bool {
    [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL].contains(&error)
}

fn refused(path: &Path, error: Errno) -> Failure {
    let failure = unlockable(path, &error.into());
    if has_no_locks(error) {
        return failure.hint(
            "its file system has no locks: set XDG_STATE_HOME and XDG_CACHE_HOME to directories of a local one",
        );
    }
    failure
}

fn lock_file(path: &Path) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| unlockable(path, &error))
}

fn unlockable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("{} cannot be locked", path.display()))
        .because(error)
        .hint("check the permissions of its directory and the free space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_free_once_its_holder_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = Lock::if_free(&path).unwrap().unwrap();
        assert!(Lock::if_free(&path).unwrap().is_none());
        assert!(Lock::within(&path, PAUSE * 2).unwrap().is_none());
        drop(held);
        assert!(Lock::within(&path, PAUSE * 2).unwrap().is_some());
    }
}
