//! Signals that end this process, held back until what it changed is as it was before.

use std::{
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::{
    SigId,
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
    low_level::{emulate_default_handler, pipe, unregister},
};

/// Each with the number that says it came.
const ALL: [(i32, usize); 4] = [(SIGHUP, 1), (SIGINT, 2), (SIGQUIT, 3), (SIGTERM, 4)];

/// Whether they end this process as ever: once a handler is there, it stays.
static AS_EVER: AtomicBool = AtomicBool::new(true);

/// As long as this is there, no such signal ends this process. One that came meanwhile ends it when this
/// is dropped, and any later one at once, as ever.
pub(super) struct HeldBack {
    came: UnixStream,
    which: Arc<AtomicUsize>,
    registered: Vec<SigId>,
}

impl HeldBack {
    pub(super) fn new() -> io::Result<Self> {
        let (came, comes) = UnixStream::pair()?;
        let mut held = Self {
            came,
            which: Arc::default(),
            registered: Vec::new(),
        };
        AS_EVER.store(false, Ordering::Relaxed);
        for (signal, number) in ALL {
            flag::register_conditional_default(signal, &AS_EVER)?;
            let which = flag::register_usize(signal, Arc::clone(&held.which), number)?;
            let wakes = pipe::register(signal, comes.try_clone()?)?;
            held.registered.extend([which, wakes]);
        }
        Ok(held)
    }

    /// Waits for something to read there; whether that is what came, and no signal.
    pub(super) fn lets_read(&self, input: &impl AsFd) -> bool {
        let mut either = [
            PollFd::new(&self.came, PollFlags::IN),
            PollFd::new(input, PollFlags::IN),
        ];
        while poll(&mut either, None).is_err() {
            // A signal interrupts it, and is found in the next round.
        }
        let [came, _] = &either;
        came.revents().is_empty()
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        AS_EVER.store(true, Ordering::Relaxed);
        for id in self.registered.drain(..) {
            unregister(id);
        }
        let which = self.which.load(Ordering::Relaxed);
        if let Some((signal, _)) = ALL.iter().find(|(_, number)| *number == which) {
            drop(emulate_default_handler(*signal));
        }
    }
}
