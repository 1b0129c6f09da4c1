//! What every request is answered with.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{
    digests::Digests, gate::Gate, metrics::Metrics, replicas::Replicas, seen::Seen,
    turned_away::TurnedAway,
};
use crate::authority::{
    Authority, people::People, sessions::Provider, watch::Watches, workloads::trusted::Workloads,
};

/// The authority that is served, and how.
pub(super) struct Shared {
    /// Who decides, issues and records.
    pub(super) authority: Authority,
    /// How clients reach it, without a slash at its end: what their proofs name.
    pub(super) url: String,
    /// By whose word people come in.
    pub(super) people: Option<People>,
    /// Whether it did not answer when it was asked last.
    pub(super) provider_is_away: AtomicBool,
    /// The hash of the code that makes the first administrator, where there was none when it started.
    pub(super) bootstrap: Option<String>,
    /// The proofs of possession that were shown here.
    pub(super) seen: Arc<Seen>,
    /// Which machines come in by the identity that they have.
    pub(super) workloads: Workloads,
    /// How much is taken from whom.
    pub(super) gate: Arc<Gate>,
    /// Who was not let in.
    pub(super) turned_away: Arc<TurnedAway>,
    /// What is waited for.
    pub(super) watches: Watches,
    /// What is counted.
    pub(super) metrics: Arc<Metrics>,
    /// What identifies the policies and the catalogue in force.
    pub(super) digests: Digests,
    /// What the other replicas have in force.
    pub(super) replicas: Arc<Replicas>,
    /// How long a request's body may take.
    pub(super) body_within: Duration,
    /// Whether it is ending: then nothing is waited for any more.
    pub(super) ending: watch::Receiver<bool>,
}

/// What handlers are given.
pub(super) type Served = Arc<Shared>;

impl Shared {
    /// The same server with what was read again.
    pub(super) fn renewed(
        &self,
        authority: Authority,
        people: Option<People>,
        workloads: Workloads,
        digests: Digests,
    ) -> Self {
        Self {
            authority,
            url: self.url.clone(),
            people,
            provider_is_away: AtomicBool::new(self.provider_is_away.load(Ordering::Relaxed)),
            bootstrap: self.bootstrap.clone(),
            seen: Arc::clone(&self.seen),
            workloads,
            gate: Arc::clone(&self.gate),
            turned_away: Arc::clone(&self.turned_away),
            watches: self.watches.clone(),
            metrics: Arc::clone(&self.metrics),
            digests,
            replicas: Arc::clone(&self.replicas),
            body_within: self.body_within,
            ending: self.ending.clone(),
        }
    }

    /// Whether it takes no new work.
    pub(super) fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    /// Whether people can be vouched for.
    pub(super) fn provider(&self) -> Provider {
        if self.provider_is_away.load(Ordering::Relaxed) {
            Provider::Away
        } else {
            Provider::Answers
        }
    }

    /// Comes back once it takes no new work.
    pub(super) async fn ends(&self) {
        drop(self.ending.clone().wait_for(|ending| *ending).await);
    }
}
