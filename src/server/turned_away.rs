//! Sign-ins that were refused: counted, and told to whoever reads the log, so many a minute at most. They
//! are no events: nobody who is not let in makes the ledger longer.

use std::{net::IpAddr, time::Instant};

use serde_json::{Value, json};

use super::log_limit::LogLimit;
use crate::{
    domain::failure::{Code, Failure, Nature},
    platform::{clock, terminal},
    protocol::subject,
};

/// Counts the lines of the log.
#[derive(Default)]
pub(super) struct TurnedAway(LogLimit);

impl TurnedAway {
    /// Writes a line, unless there were many just now; the next one says how many were left out.
    pub(super) fn tell(&self, by: &str, failure: &Failure, address: IpAddr) {
        if let Some(line) = self.line(by, failure, address, Instant::now()) {
            terminal::report(&line.to_string());
        }
    }

    fn line(&self, by: &str, failure: &Failure, address: IpAddr, now: Instant) -> Option<Value> {
        let left_out = self.0.admit(address, now)?;
        Some(json!({
            "at": clock::now(),
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
        Some(subject::ACCESS_TOKEN) => "access_token",
        Some(subject::JWT) => "jwt",
        Some(subject::AWS) => "aws",
        Some(subject::KEY) => "key",
        Some(_) | None => "other",
    }
}

/// Why, as it is counted.
pub(super) fn reason(failure: &Failure) -> &'static str {
    match (failure.code, failure.nature) {
        (_, Nature::Away | Nature::IssuerAway) | (Code::TimedOut, _) => "away",
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
    use crate::server::log_limit::{LINES_OF_ONE, MINUTE};

    #[test]
    fn a_flood_leaves_few_lines_hides_nobody_else_and_says_how_many_it_left_out() {
        let lines = TurnedAway::default();
        let failure = Failure::denied("no\nway");
        let now = Instant::now();
        let tell = |address, now| lines.line("jwt", &failure, address, now);
        let [noisy, quiet] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let told = repeat_n(noisy, 1000).filter_map(|address| tell(address, now));
        assert_eq!(told.count(), LINES_OF_ONE);
        let line = tell(quiet, now).unwrap();
        assert_eq!(line["left_out"], 1000 - LINES_OF_ONE);
        assert_eq!(line["address"], "192.0.2.2");
        assert_eq!(line["reason"], "stranger");
        assert!(line["at"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(!line.to_string().contains('\n'));
        assert_eq!(tell(quiet, now).unwrap()["left_out"], 0);
        // A minute later it may be heard again.
        assert!(tell(noisy, now).is_none());
        let later = tell(noisy, now + MINUTE).unwrap();
        assert_eq!(later["left_out"], 1);
    }
}
