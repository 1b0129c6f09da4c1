//! Sign-ins that were refused: counted, and told to whoever reads the log, so many a minute at most. They
//! are no events: nobody who is not let in makes the ledger longer.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::listen::network;
use crate::{
    domain::failure::{Code, Failure, Nature},
    platform::terminal,
    protocol::subject,
};

/// How many lines a minute are written, and how many of them for one address: one that is noisy does not
/// hide the others.
const LINES: usize = 30;
const LINES_OF_ONE: usize = 5;
const MINUTE: Duration = Duration::from_mins(1);

/// Counts the lines of the log.
#[derive(Default)]
pub(super) struct TurnedAway(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    /// Those of the last minute, the oldest first; never more than there may be.
    written: VecDeque<(Instant, IpAddr)>,
    untold: u64,
}

impl TurnedAway {
    /// Writes a line, unless there were many just now; the next one says how many were left out.
    pub(super) fn tell(&self, by: &str, failure: &Failure, address: IpAddr) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.line(by, failure, address, Instant::now());
        drop(lines);
        if let Some(line) = line {
            terminal::report(&line.to_string());
        }
    }
}

impl Lines {
    fn line(
        &mut self,
        by: &str,
        failure: &Failure,
        address: IpAddr,
        now: Instant,
    ) -> Option<Value> {
        let network = network(address);
        let is_over = |at: &Instant| now.duration_since(*at) >= MINUTE;
        while self.written.front().is_some_and(|(at, _)| is_over(at)) {
            self.written.pop_front();
        }
        let own = self.written.iter().filter(|(_, of)| *of == network);
        if self.written.len() >= LINES || own.count() >= LINES_OF_ONE {
            self.untold += 1;
            return None;
        }
        self.written.push_back((now, network));
        let left_out = self.untold;
        self.untold = 0;
        Some(json!({
            "sign_in": "refused",
            "by": by,
            "reason": reason(failure),
            "detail": failure.to_string(),
            "address": address,
            "left_out": left_out,
        }))
    }
}

/// What was shown, as it is counted.
pub(super) fn by(kind: Option<&str>) -> &'static str {
    match kind {
        Some(subject::ID_TOKEN) => "id_token",
        Some(subject::JWT) => "jwt",
        Some(subject::AWS) => "aws",
        Some(subject::KEY) => "key",
        Some(_) | None => "other",
    }
}

/// Why, as it is counted.
pub(super) fn reason(failure: &Failure) -> &'static str {
    match (failure.code, failure.nature) {
        (_, Nature::Away) | (Code::TimedOut, _) => "away",
        (Code::Usage, _) => "malformed",
        (Code::SignIn | Code::Pending, _) => "untrusted",
        (Code::Denied, _) => "stranger",
        (Code::Failed | Code::CannotRun | Code::NotFound, _) => "failed",
    }
}

/// Whether whoever signs in is to blame: then it counts against their network.
pub(super) fn is_callers_fault(failure: &Failure) -> bool {
    matches!(reason(failure), "malformed" | "untrusted" | "stranger")
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_flood_leaves_few_lines_hides_nobody_else_and_says_how_many_it_left_out() {
        let mut lines = Lines::default();
        let failure = Failure::denied("no\nway");
        let now = Instant::now();
        let mut tell = |address, now| lines.line("jwt", &failure, address, now);
        let [noisy, quiet] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let told = repeat_n(noisy, 1000).filter_map(|address| tell(address, now));
        assert_eq!(told.count(), LINES_OF_ONE);
        let line = tell(quiet, now).unwrap();
        assert_eq!(line["left_out"], 1000 - LINES_OF_ONE);
        assert_eq!(line["address"], "192.0.2.2");
        assert_eq!(line["reason"], "stranger");
        assert!(!line.to_string().contains('\n'));
        assert_eq!(tell(quiet, now).unwrap()["left_out"], 0);
        // A minute later it may be heard again.
        assert!(tell(noisy, now).is_none());
        let later = tell(noisy, now + MINUTE).unwrap();
        assert_eq!(later["left_out"], 1);
    }

    #[test]
    fn many_addresses_leave_few_lines_too() {
        let mut lines = Lines::default();
        let failure = Failure::denied("no");
        let now = Instant::now();
        let many =
            (0..4_u8).flat_map(|one| (0..250_u8).map(move |other| [10, 0, one, other].into()));
        let told = many.filter_map(|address| lines.line("jwt", &failure, address, now));
        assert_eq!(told.count(), LINES);
        assert_eq!(lines.written.len(), LINES);
        // Whoever has a network has all its addresses.
        let mut lines = Lines::default();
        let same = addresses(&["2001:db8::1", "2001:db8::2", "2001:db8::3"]);
        let told = same.iter().cycle().take(60);
        let told = told.filter_map(|address| lines.line("jwt", &failure, *address, now));
        assert_eq!(told.count(), LINES_OF_ONE);
    }
}
