//! Waiting for something that another process does: polled, with a deadline, never a blind sleep.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until the answer is there, and panics naming `what` when it does not come.
pub(crate) fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, ask)
}

/// The same with a deadline of its own.
pub(crate) fn until_within<T>(
    patience: Duration,
    what: &str,
    mut ask: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            Instant::now() < deadline,
            "waited {patience:?} in vain for {what}"
        );
        thread::sleep(PAUSE);
    }
}

/// The first line of a log that contains `needle`, once it is written.
pub(crate) fn until_logged(log: &Path, needle: &str) -> String {
    until(&format!("`{needle}` in {}", log.display()), || {
        read_log(log)
            .lines()
            .find(|line| line.contains(needle))
            .map(str::to_owned)
    })
}

/// A log's text so far; empty before the first line.
pub(crate) fn read_log(log: &Path) -> String {
    fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// Starts a server that cannot choose a port by itself, on one that the kernel had free a moment ago;
/// `start` answers nothing where somebody else was quicker.
pub(crate) fn on_free_port<T>(mut start: impl FnMut(u16) -> Option<T>) -> T {
    (0..10)
        .find_map(|_| start(free_port()))
        .expect("a free port within ten attempts")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    listener.local_addr().expect("bound").port()
}
