//! The proofs of possession that this process has seen lately: each serves once (RFC 9449, section 11.1).

use std::{
    collections::BTreeSet,
    mem,
    sync::{Mutex, PoisonError},
};

use crate::{
    domain::{lease::CLOCK_SKEW, time::Timestamp},
    platform::keys,
};

/// The proofs seen lately, by the first half of a hash of what they are.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Spans>);

/// Two spans, each as long as a proof is good, so that forgetting costs nothing.
#[derive(Debug, Default)]
struct Spans {
    number: i64,
    now: BTreeSet<[u8; 16]>,
    before: BTreeSet<[u8; 16]>,
}

impl Seen {
    /// Notes a proof; false where it was seen already.
    pub(super) fn is_new(&self, proof: &str, now: Timestamp) -> bool {
        // As old, or as early, as clocks may differ.
        let length = i64::try_from(CLOCK_SKEW.as_secs()).unwrap_or(i64::MAX) * 2;
        let number = now.secs().div_euclid(length);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if number != seen.number {
            let last = mem::take(&mut seen.now);
            let follows = number == seen.number + 1;
            seen.before = if follows { last } else { BTreeSet::new() };
            seen.number = number;
        }
        let short = keys::sha256(proof.as_bytes()).first_chunk().copied();
        short.is_some_and(|short| !seen.before.contains(&short) && seen.now.insert(short))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_new_once_for_as_long_as_it_is_good() {
        let seen = Seen::default();
        let start = 1_800_000_000;
        for begin in [0, 59, 61, 119, 121] {
            let proof = format!("proof {begin}");
            let at = |seconds: i64| Timestamp::from_secs(start + begin + seconds);
            assert!(seen.is_new(&proof, at(0)));
            for later in [0, 1, 60, 119] {
                assert!(!seen.is_new(&proof, at(later)), "{begin} and {later}");
            }
        }
    }
}
