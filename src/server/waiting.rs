//! Who waits for a change: so many requests of one sign-in at most, with all agents that were delegated from it. A
//! principal may be shared by many machines or jobs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::problem::Refusal;
use crate::domain::id::GrantId;

/// When whoever waits too often comes again.
const LATER: Duration = Duration::from_secs(5);

/// Who waits, and how often at once.
pub(super) struct Waiting {
    most: u32,
    inside: Mutex<BTreeMap<GrantId, u32>>,
}

/// One request that waits, until this is dropped.
pub(super) struct Place<'a> {
    session: GrantId,
    waiting: &'a Waiting,
}

impl Waiting {
    pub(super) fn new(most: u32) -> Self {
        Self {
            most,
            inside: Mutex::default(),
        }
    }

    /// Lets one more request wait, of that session at the end of its delegation chain.
    pub(super) fn enter(&self, session: &GrantId) -> Result<Place<'_>, Refusal> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let count = inside.entry(session.clone()).or_default();
        if *count >= self.most {
            return Err(Refusal::too_often(LATER));
        }
        *count += 1;
        drop(inside);
        Ok(Place {
            session: session.clone(),
            waiting: self,
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let inside = self.waiting.inside.lock();
        let mut inside = inside.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = inside.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                inside.remove(&self.session);
            }
        }
    }
}
