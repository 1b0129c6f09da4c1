//! Work that keeps a processor busy: it runs beside the threads that serve everybody, a bounded number at once,
//! and one at a time for each caller.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    thread::available_parallelism,
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::problem::Refusal;
use crate::domain::{failure::Failure, principal::Principal};

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// When a request that did not get its turn may come again.
const LATER: Duration = Duration::from_secs(5);

/// The places for heavy work.
pub(super) struct HeavyWork {
    places: Arc<Semaphore>,
    callers: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

impl HeavyWork {
    /// Leaves at least half of the processors to everything else, where there are two or more.
    pub(super) fn new() -> Self {
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_places((processors / 2).max(1))
    }

    fn with_places(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            callers: Mutex::default(),
        }
    }

    /// Does a piece of work for a caller once it is its turn. It is done to its end even where the caller hangs
    /// up, so that hanging up frees no place early.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        caller: &Principal,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let own = self.of(caller);
        let turn = async {
            let own = own.acquire_owned().await.ok()?;
            let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
            Some([own, place])
        };
        let turn: Option<[OwnedSemaphorePermit; 2]> = timeout(PATIENCE, turn).await.ok().flatten();
        let turn = turn.ok_or_else(|| Refusal::too_often(LATER))?;
        let done = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|error| {
            Failure::failed("a request was given up")
                .because(&error)
                .into()
        })
    }

    /// Forgets the callers who have nothing to do here.
    pub(super) fn sweep(&self) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        callers.retain(|_, own| Arc::strong_count(own) > 1 || own.available_permits() == 0);
    }

    fn of(&self, caller: &Principal) -> Arc<Semaphore> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let own = callers.entry(caller.written());
        Arc::clone(own.or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread::sleep,
    };

    use tokio::{runtime::Builder, task::JoinSet};

    use super::*;

    /// Counts how many are at work at once.
    #[derive(Default)]
    struct Crowd {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Crowd {
        fn work(&self) {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            sleep(Duration::from_millis(5));
            self.now.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn heavy_work_is_bounded_for_all_and_for_each_caller() {
        let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let heavy = Arc::new(HeavyWork::with_places(2));
            let all = Arc::new(Crowd::default());
            let each: Vec<Arc<Crowd>> = (0..3).map(|_| Arc::default()).collect();
            let mut running = JoinSet::new();
            for number in 0..30 {
                let (heavy, all) = (Arc::clone(&heavy), Arc::clone(&all));
                let own = Arc::clone(&each[number % 3]);
                running.spawn(async move {
                    let caller = Principal::parse(&format!("caller-{}", number % 3)).unwrap();
                    let work = move || {
                        own.now.fetch_add(1, Ordering::SeqCst);
                        let now = own.now.load(Ordering::SeqCst);
                        own.most.fetch_max(now, Ordering::SeqCst);
                        all.work();
                        own.now.fetch_sub(1, Ordering::SeqCst);
                    };
                    heavy.run(&caller, work).await.is_ok()
                });
            }
            while let Some(done) = running.join_next().await {
                assert!(done.unwrap());
            }
            assert_eq!(all.most.load(Ordering::SeqCst), 2);
            for own in each {
                assert_eq!(own.most.load(Ordering::SeqCst), 1);
            }
            heavy.sweep();
            assert!(heavy.callers.lock().unwrap().is_empty());
        });
    }
}
