//! How many sign-ins of one network may fail: an identity that somebody made up costs a question to its provider.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{client_address::network, problem::Refusal};

/// The time in which as many may fail as is configured.
const MINUTE: Duration = Duration::from_mins(1);
/// When a network comes again whose sign-ins are all under way still.
const SOON: Duration = Duration::from_secs(1);

/// The failures of each network.
pub(super) struct FailedSignIns {
    most: u32,
    networks: Mutex<BTreeMap<IpAddr, Budget>>,
}

/// What a network has left: what failed comes back in the course of a minute.
#[derive(Clone, Copy, Debug)]
struct Budget {
    left: f64,
    at: Instant,
    under_way: u32,
}

/// A sign-in that is under way. It counts as failed unless it is said to have succeeded.
pub(super) struct Attempt<'a> {
    network: IpAddr,
    failures: &'a FailedSignIns,
    counts: bool,
}

impl FailedSignIns {
    pub(super) fn new(most: u32) -> Self {
        Self {
            most,
            networks: Mutex::default(),
        }
    }

    /// Begins a sign-in. One that is under way counts as one that failed, so that many at once are no way around.
    pub(super) fn begin(&self, address: IpAddr) -> Result<Attempt<'_>, Refusal> {
        self.begin_at(address, Instant::now())
            .map_err(Refusal::too_often)
    }

    fn begin_at(&self, address: IpAddr, now: Instant) -> Result<Attempt<'_>, Duration> {
        let network = network(address);
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = networks.entry(network).or_insert_with(|| Budget {
            left: f64::from(self.most),
            at: now,
            under_way: 0,
        });
        budget.refill(self.most, now);
        if budget.left < 1.0 {
            let missing = (1.0 - budget.left) / f64::from(self.most);
            return Err(MINUTE.mul_f64(missing));
        }
        if budget.left < f64::from(budget.under_way) + 1.0 {
            return Err(SOON);
        }
        budget.under_way += 1;
        drop(networks);
        Ok(Attempt {
            network,
            failures: self,
            counts: true,
        })
    }

    /// Forgets the networks of which nothing failed lately.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.retain(|_, budget| {
            budget.refill(self.most, now);
            budget.under_way > 0 || budget.left < f64::from(self.most)
        });
    }
}

impl Budget {
    fn refill(&mut self, most: u32, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64() / MINUTE.as_secs_f64();
        self.left = (self.left + passed * f64::from(most)).min(f64::from(most));
        self.at = now;
    }
}

impl Attempt<'_> {
    /// It did not fail, or not by a fault of whoever signs in.
    pub(super) fn forgive(mut self) {
        self.counts = false;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let networks = self.failures.networks.lock();
        let mut networks = networks.unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = networks.get_mut(&self.network) {
            budget.under_way = budget.under_way.saturating_sub(1);
            if self.counts {
                budget.left -= 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_fails_so_often_and_others_go_on() {
        let failures = FailedSignIns::new(10);
        let (noisy, quiet) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let now = Instant::now();
        for _ in 0..10 {
            drop(failures.begin_at(noisy, now).unwrap());
        }
        let wait = failures.begin_at(noisy, now).err().unwrap();
        assert!(wait <= Duration::from_secs(6), "{wait:?}");
        failures.begin_at(quiet, now).unwrap().forgive();
        // What failed comes back bit by bit.
        let later = now + Duration::from_secs(7);
        drop(failures.begin_at(noisy, later).unwrap());
        assert!(failures.begin_at(noisy, later).is_err());
    }

    #[test]
    fn sign_ins_that_succeed_cost_nothing_and_those_under_way_count() {
        let failures = FailedSignIns::new(3);
        let address = "2001:db8::1".parse().unwrap();
        let now = Instant::now();
        for _ in 0..100 {
            failures.begin_at(address, now).unwrap().forgive();
        }
        let other: IpAddr = "2001:db8::2".parse().unwrap();
        let under_way: Vec<_> = (0..3).map(|_| failures.begin_at(address, now)).collect();
        assert!(failures.begin_at(other, now).is_err(), "it is one network");
        drop(under_way);
        assert!(failures.begin_at(other, now).is_err());
        failures.sweep();
        assert_eq!(failures.networks.lock().unwrap().len(), 1);
    }
}
