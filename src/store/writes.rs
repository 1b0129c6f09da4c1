//! Whether the database takes writes: what became of the last one. A server whose disk is full answers
//! questions, and can do nothing of its work.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::domain::failure::{Failure, Nature, Result};

/// How long a write that succeeded says that the next one will.
pub(super) const GOOD: Duration = Duration::from_secs(10);

/// How often it is tried again after one that failed.
const RETRY: Duration = Duration::from_secs(1);

/// What became of the last write. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct Writes(Arc<Mutex<Option<Last>>>);

#[derive(Clone, Debug)]
struct Last {
    at: Instant,
    failure: Option<Failure>,
}

impl Writes {
    /// Notes what became of a write. A row that was there already says nothing about the disk.
    pub(super) fn note<T>(&self, outcome: &Result<T>) {
        let failure = outcome.as_ref().err();
        if failure.is_some_and(|failure| failure.nature == Nature::Conflict) {
            return;
        }
        *self.last() = Some(Last {
            at: Instant::now(),
            failure: failure.cloned(),
        });
    }

    /// What is known, if that is recent enough.
    pub(super) fn known(&self) -> Option<Result<()>> {
        let last = self.last().clone()?;
        let age = last.at.elapsed();
        match last.failure {
            None => (age < GOOD).then_some(Ok(())),
            Some(failure) => (age < RETRY).then_some(Err(failure)),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
