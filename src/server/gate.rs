//! How often somebody may come.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use tokio::time::interval;

use super::{
    client_address::network, failed_sign_ins::FailedSignIns, heavy_work::HeavyWork,
    problem::Refusal, waiting::Waiting,
};
use crate::{config::server::limits::Limits, domain::principal::Principal};

/// How often those are forgotten who have not come lately.
const SWEEP: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// Counts who comes how often.
pub(super) struct Gate {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    callers: DefaultKeyedRateLimiter<String>,
    events: DefaultKeyedRateLimiter<String>,
    /// Sign-ins that failed, by network.
    pub(super) sign_ins: FailedSignIns,
    /// What takes a processor.
    pub(super) heavy: HeavyWork,
    /// Who waits for a change.
    pub(super) waiting: Waiting,
    clock: DefaultClock,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            addresses: DefaultKeyedRateLimiter::keyed(quota(limits.requests_per_address)),
            callers: DefaultKeyedRateLimiter::keyed(quota(limits.requests_per_caller)),
            events: DefaultKeyedRateLimiter::keyed(
                Quota::per_hour(positive(limits.events_per_caller))
                    .allow_burst(positive(limits.events_per_caller)),
            ),
            sign_ins: FailedSignIns::new(limits.failed_sign_ins_per_address),
            heavy: HeavyWork::new(),
            waiting: Waiting::new(limits.waits_per_caller),
            clock: DefaultClock::default(),
        }
    }

    /// Refuses an address that comes too often.
    pub(super) fn address(&self, address: IpAddr) -> Result<(), Refusal> {
        let allowed = self.addresses.check_key(&network(address));
        allowed.map_err(|not| Refusal::too_often(not.wait_time_from(self.clock.now())))
    }

    /// Refuses a principal that comes too often: the human or workload at the end of a delegation chain, so that
    /// an agent's name is nobody's to use up, and agents give nobody a larger share.
    pub(super) fn caller(&self, root: &Principal) -> Result<(), Refusal> {
        let allowed = self.callers.check_key(&root.written());
        allowed.map_err(|not| Refusal::too_often(not.wait_time_from(self.clock.now())))
    }

    /// Refuses a request that records so many events at most, where its principal's budget of the ledger is used
    /// up. The principal is the one at the end of the delegation chain.
    pub(super) fn records(&self, root: &Principal, events: NonZeroU32) -> Result<(), Refusal> {
        match self.events.check_key_n(&root.written(), events) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not)) => Err(Refusal::too_often(not.wait_time_from(self.clock.now()))),
            // More at once than the whole budget of an hour.
            Err(_) => Err(Refusal::too_often(HOUR)),
        }
    }

    /// Forgets who has not come lately. Never ends.
    pub(super) async fn sweep(&self) {
        let mut sweeps = interval(SWEEP);
        loop {
            sweeps.tick().await;
            self.addresses.retain_recent();
            self.callers.retain_recent();
            self.events.retain_recent();
            self.sign_ins.sweep();
            self.heavy.sweep();
        }
    }
}

fn quota(per_second: u32) -> Quota {
    let rate = positive(per_second);
    Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(1)))
}

fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}
