//! How often somebody may come.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use tokio::time::interval;

use super::{listen::network, problem::Refusal, waiting::Waiting};
use crate::{config::server::limits::Limits, domain::principal::Principal};

/// How often those are forgotten who have not come lately.
const SWEEP: Duration = Duration::from_mins(1);

/// Counts who comes how often.
pub(super) struct Gate {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    callers: DefaultKeyedRateLimiter<String>,
    /// Who waits for a change.
    pub(super) waiting: Waiting,
    clock: DefaultClock,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            addresses: DefaultKeyedRateLimiter::keyed(quota(limits.requests_per_address)),
            callers: DefaultKeyedRateLimiter::keyed(quota(limits.requests_per_caller)),
            waiting: Waiting::new(limits.waits_per_caller),
            clock: DefaultClock::default(),
        }
    }

    /// Refuses an address that comes too often.
    pub(super) fn address(&self, address: IpAddr) -> Result<(), Refusal> {
        let allowed = self.addresses.check_key(&network(address));
        allowed.map_err(|not| Refusal::too_often(not.wait_time_from(self.clock.now())))
    }

    /// Refuses a principal that comes too often.
    pub(super) fn caller(&self, principal: &Principal) -> Result<(), Refusal> {
        let allowed = self.callers.check_key(&principal.written());
        allowed.map_err(|not| Refusal::too_often(not.wait_time_from(self.clock.now())))
    }

    /// Forgets who has not come lately. Never ends.
    pub(super) async fn sweep(&self) {
        let mut sweeps = interval(SWEEP);
        loop {
            sweeps.tick().await;
            self.addresses.retain_recent();
            self.callers.retain_recent();
        }
    }
}

fn quota(per_second: u32) -> Quota {
    let rate = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(1)))
}
