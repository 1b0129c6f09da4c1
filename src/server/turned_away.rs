//! Sign-ins that were refused: counted, and told to whoever reads the log, so many a minute at most. They
//! are no events: nobody who is not let in makes the ledger longer.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use governor::{DefaultDirectRateLimiter, Quota};
use serde_json::{Value, json};

use crate::{
    domain::failure::{Code, Failure, Nature},
    platform::terminal,
    protocol::subject,
};

/// How many lines a minute are written.
const LINES: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);

/// Counts the lines of the log.
pub(super) struct TurnedAway {
    lines: DefaultDirectRateLimiter,
    untold: AtomicU64,
}

impl TurnedAway {
    pub(super) fn new() -> Self {
        Self {
            lines: DefaultDirectRateLimiter::direct(Quota::per_minute(LINES)),
            untold: AtomicU64::new(0),
        }
    }

    /// Writes a line, unless there were many just now; the next one says how many were left out.
    pub(super) fn tell(&self, by: &str, failure: &Failure, address: IpAddr) {
        if let Some(line) = self.line(by, failure, address) {
            terminal::report(&line.to_string());
        }
    }

    fn line(&self, by: &str, failure: &Failure, address: IpAddr) -> Option<Value> {
        if self.lines.check().is_err() {
            self.untold.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(json!({
            "sign_in": "refused",
            "by": by,
            "reason": reason(failure),
            "detail": failure.to_string(),
            "address": address,
            "left_out": self.untold.swap(0, Ordering::Relaxed),
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_flood_leaves_few_lines_and_says_how_many_it_left_out() {
        let turned_away = TurnedAway::new();
        let failure = Failure::denied("no\nway");
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let lines = (0..1000).filter_map(|_| turned_away.line("jwt", &failure, address));
        let lines = lines.count();
        assert!((1..100).contains(&lines), "{lines}");
        let untold = turned_away.untold.load(Ordering::Relaxed);
        assert_eq!(untold, 1000 - u64::try_from(lines).unwrap());
        let quiet = TurnedAway::new();
        quiet.untold.store(7, Ordering::Relaxed);
        let line = quiet.line("jwt", &failure, address).unwrap();
        assert_eq!(line["left_out"], 7);
        assert_eq!(line["reason"], "stranger");
        assert!(!line.to_string().contains('\n'));
    }
}
