//! How long somebody may be somebody: the longest session and grant of each class of principals, and when
//! they must show again who they are.

use std::time::Duration;

use super::{principal::Class, time::Timestamp};

/// Of one class; what is absent has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// The longest session.
    pub session: Option<Duration>,
    /// The longest grant, whatever policy says.
    pub grant: Option<Duration>,
    /// How long after somebody vouched for them it must be done again.
    pub attest: Option<Duration>,
    /// How long a live session goes on beyond that while the one who vouches is away.
    pub attest_grace: Option<Duration>,
    /// How long without use until they may not come, unless an administrator enables them.
    pub dormant: Option<Duration>,
}

/// Of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifecycles {
    /// People.
    pub human: Lifecycle,
    /// Machines.
    pub workload: Lifecycle,
    /// Whoever acts for somebody.
    pub agent: Lifecycle,
}

impl Lifecycles {
    /// That of a class.
    pub const fn of(&self, class: Class) -> &Lifecycle {
        match class {
            Class::Human => &self.human,
            Class::Workload => &self.workload,
            Class::Agent => &self.agent,
        }
    }
}

impl Lifecycle {
    /// Whether somebody must show again who they are.
    pub fn must_attest(&self, attested_at: Timestamp, now: Timestamp) -> bool {
        self.attest
            .is_some_and(|within| now >= attested_at.after(within))
    }

    /// Whether a session may go on that is due, where the one who vouches is away.
    pub fn is_in_grace(&self, attested_at: Timestamp, now: Timestamp) -> bool {
        let grace = self.attest_grace.map(|grace| attested_at.after(grace));
        grace.is_some_and(|attested_at| !self.must_attest(attested_at, now))
    }

    /// Whether somebody has been away for too long.
    pub fn is_dormant(&self, last_seen_at: Timestamp, now: Timestamp) -> bool {
        self.dormant
            .is_some_and(|within| now >= last_seen_at.after(within))
    }

    /// The latest end of a session that begins at `now`.
    pub fn session_end(&self, wanted: Timestamp, now: Timestamp) -> Timestamp {
        self.session
            .map_or(wanted, |longest| wanted.min(now.after(longest)))
    }
}
