//! How many lines a minute a kind of refusal may write into the log: one noisy address does not hide the others.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::client_address::network;

/// How many lines a minute are written, and how many of them for one network.
pub(super) const LINES: usize = 30;
pub(super) const LINES_OF_ONE: usize = 5;
pub(super) const MINUTE: Duration = Duration::from_mins(1);

/// Counts the lines of the last minute.
#[derive(Debug, Default)]
pub(super) struct LogLimit(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    /// Those of the last minute, the oldest first; never more than there may be.
    written: VecDeque<(Instant, IpAddr)>,
    left_out: u64,
}

impl LogLimit {
    /// Whether a line about that address may be written at `now`, and how many were left out before it.
    pub(super) fn admit(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.admit(network(address), now)
    }
}

impl Lines {
    fn admit(&mut self, network: IpAddr, now: Instant) -> Option<u64> {
        let is_over = |at: &Instant| now.duration_since(*at) >= MINUTE;
        while self.written.front().is_some_and(|(at, _)| is_over(at)) {
            self.written.pop_front();
        }
        let own = self.written.iter().filter(|(_, of)| *of == network);
        if self.written.len() >= LINES || own.count() >= LINES_OF_ONE {
            self.left_out += 1;
            return None;
        }
        self.written.push_back((now, network));
        let left_out = self.left_out;
        self.left_out = 0;
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn many_addresses_leave_few_lines_too() {
        let limit = LogLimit::default();
        let now = Instant::now();
        let many =
            (0..4_u8).flat_map(|one| (0..250_u8).map(move |other| [10, 0, one, other].into()));
        let admitted = many.filter_map(|address: IpAddr| limit.admit(address, now));
        assert_eq!(admitted.count(), LINES);
        // Whoever has a network has all its addresses.
        let limit = LogLimit::default();
        let same = ["2001:db8::1", "2001:db8::2", "2001:db8::3"].map(address);
        let admitted = same.iter().cycle().take(60);
        let admitted = admitted.filter_map(|address| limit.admit(*address, now));
        assert_eq!(admitted.count(), LINES_OF_ONE);
    }
}
