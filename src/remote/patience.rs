//! How long a call to a server may take, and when what did not succeed is tried again.

use std::time::Duration;

/// The first pause before another attempt; each next one is twice as long.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// How long a caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the answer, all attempts together.
    pub answer: Duration,
    /// For a server that cannot be reached: after that it is not tried again.
    pub trouble: Duration,
}

impl Patience {
    /// Of a person, or of a program that has no limit of its own.
    pub const PERSON: Self = Self {
        answer: Duration::from_mins(1),
        trouble: Duration::from_secs(10),
    };
    /// Of a hook, which its tool may kill: AWS's SDK for Go after a minute, half of which another
    /// process's call may have taken already.
    pub const HOOK: Self = Self {
        answer: Duration::from_secs(25),
        trouble: Duration::from_secs(10),
    };
    /// Of whoever could do without.
    pub const LITTLE: Self = Self {
        answer: Duration::from_secs(5),
        trouble: Duration::from_secs(1),
    };

    /// The same for whoever has something to fall back on: a server that is away is not waited for.
    #[must_use]
    pub const fn with_fallback(self) -> Self {
        Self {
            trouble: Self::LITTLE.trouble,
            ..self
        }
    }

    /// How long to wait before the next attempt; `None` where there is to be none. `chance` is a random
    /// byte, so that many clients do not come back at once.
    pub fn pause(
        &self,
        again: Again,
        attempt: u32,
        spent: Duration,
        chance: u8,
    ) -> Option<Duration> {
        let backoff = FIRST
            .saturating_mul(2_u32.saturating_pow(attempt.min(16)))
            .min(LONGEST);
        // Between half of it and all of it.
        let backoff = backoff / 2 + backoff.mul_f64(f64::from(chance) / 512.0);
        let (pause, limit) = match again {
            Again::Never => return None,
            Again::Soon => (backoff, self.trouble),
            Again::After(told) => (told.max(backoff), self.answer),
        };
        (spent.saturating_add(pause) < limit).then_some(pause)
    }
}

/// Whether the same may succeed in a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It would not.
    Never,
    /// It may.
    Soon,
    /// The server said when (RFC 9110, 10.2.3).
    After(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_and_end() {
        let pause = |attempt, spent| Patience::PERSON.pause(Again::Soon, attempt, spent, 0);
        assert_eq!(pause(0, Duration::ZERO), Some(FIRST / 2));
        assert_eq!(pause(3, SECOND), Some(FIRST * 4));
        assert_eq!(pause(60, SECOND), Some(LONGEST / 2));
        assert_eq!(pause(3, Patience::PERSON.trouble), None);
    }

    #[test]
    fn chance_spreads_them_within_bounds() {
        for chance in [0, 127, 255] {
            let pause = Patience::HOOK.pause(Again::Soon, 2, Duration::ZERO, chance);
            let pause = pause.unwrap();
            assert!(FIRST * 2 <= pause && pause <= FIRST * 4, "{pause:?}");
        }
    }

    #[test]
    fn what_a_server_says_is_waited_for_as_long_as_there_is_patience() {
        let told = |seconds| {
            let told = Again::After(Duration::from_secs(seconds));
            Patience::HOOK.pause(told, 0, Duration::ZERO, 0)
        };
        assert_eq!(told(7), Some(SECOND * 7));
        assert_eq!(told(0), Some(FIRST / 2));
        assert_eq!(told(3600), None);
        assert_eq!(told(u64::MAX / 2), None);
        let never = Patience::HOOK.pause(Again::Never, 0, Duration::ZERO, 0);
        assert_eq!(never, None);
    }
}
