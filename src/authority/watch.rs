//! Waiting for a change of an elevation. Any replica may change it, so the store is asked again and again;
//! once for all who wait for the same one in this process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch::{Receiver, Sender, channel},
    time::{sleep, timeout},
};

use super::{Authority, Client};
use crate::{
    domain::{
        elevation::{Elevation, State},
        failure::Result,
        id::GrantId,
        time::Timestamp,
    },
    store::Store,
};

/// How often the store is asked.
const PULSE: Duration = Duration::from_millis(250);

/// What the store said last of an elevation; none where it is not there.
type Seen = Result<Option<Elevation>>;

/// What is waited for in this process.
#[derive(Clone, Debug, Default)]
pub struct Watches(Arc<Mutex<BTreeMap<GrantId, Sender<Seen>>>>);

impl Watches {
    /// How many elevations are looked at, however many wait for each.
    pub fn looked_at(&self) -> usize {
        self.lock().len()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.lock().values().map(Sender::receiver_count).sum()
    }

    fn join(&self, authority: &Authority, first: &Elevation) -> Receiver<Seen> {
        let id = first.request.id.clone();
        let mut watched = self.lock();
        if let Some(seen) = watched.get(&id) {
            return seen.subscribe();
        }
        let (sender, seen) = channel(Ok(Some(first.clone())));
        watched.insert(id.clone(), sender.clone());
        let (store, clock) = (authority.store.clone(), authority.clock);
        tokio::spawn(self.clone().look(store, clock, (id, sender)));
        seen
    }

    /// Looks until nobody waits any more, or there is nothing left to wait for.
    async fn look(
        self,
        store: Store,
        clock: fn() -> Timestamp,
        (id, sender): (GrantId, Sender<Seen>),
    ) {
        loop {
            sleep(PULSE).await;
            let now = clock();
            let found = store.elevation(&id, now).await;
            let is_over = !matches!(&found, Ok(Some(one)) if one.state(now) == State::Pending);
            sender.send_if_modified(|seen| {
                let is_new = is_over || *seen != found;
                *seen = found;
                is_new
            });
            // Under the lock, so that nobody joins what ends.
            let mut watched = self.lock();
            if is_over || sender.receiver_count() == 0 {
                watched.remove(&id);
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<GrantId, Sender<Seen>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authority {
    /// An elevation that the caller may see, once it is not pending any more or has one more approval, or
    /// after `patience`.
    ///
    /// # Errors
    /// There is none of that id, as far as this caller is told.
    pub async fn watch(
        &self,
        watches: &Watches,
        client: &Client,
        id: &GrantId,
        patience: Duration,
    ) -> Result<Elevation> {
        let first = self.visible(client, id).await?;
        if patience.is_zero() || first.state((self.clock)()) != State::Pending {
            return Ok(first);
        }
        let mut seen = watches.join(self, &first);
        let changed = |seen: &Seen| match seen {
            Ok(Some(one)) => *one != first || one.state((self.clock)()) != State::Pending,
            Ok(None) | Err(_) => true,
        };
        // What came of it is read below, whatever became of looking.
        drop(timeout(patience, seen.wait_for(changed)).await);
        self.visible(client, id).await
    }
}
