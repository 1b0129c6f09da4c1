//! What is known of the other replicas: two that have different policies or catalogues in force give different
//! answers to the same question.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::{platform::terminal, protocol::health::ReplicaView, store::replicas::Replica};

/// What is known of the other replicas.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    /// What this one is known by.
    pub(super) name: String,
    differing: Mutex<Vec<Replica>>,
    pub(super) changed: Notify,
}

impl Replicas {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Has the others told at once.
    pub(super) fn tell(&self) {
        self.changed.notify_one();
    }

    /// Those that have something else in force.
    pub(super) fn differing(&self) -> Vec<ReplicaView> {
        let differing = self
            .differing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let views = differing.iter().map(|replica| ReplicaView {
            name: replica.name.clone(),
            policy_digest: replica.policies.clone(),
            catalogue_digest: replica.catalogue.clone(),
        });
        views.collect()
    }

    /// Keeps what is differing now, and says what is new about that.
    pub(super) fn keep(&self, own: &Replica, differing: Vec<Replica>) {
        let mut known = self
            .differing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for replica in differing.iter().filter(|one| !known.contains(one)) {
            terminal::report(&format!(
                "jit: {}\nhint: give all replicas the same files, and have each read them: kill -HUP PID",
                differs(own, replica)
            ));
        }
        if differing.is_empty() && !known.is_empty() {
            terminal::report("jit: all replicas have the same policies and catalogue in force");
        }
        *known = differing;
    }
}

fn differs(own: &Replica, other: &Replica) -> String {
    let what = match (
        own.policies == other.policies,
        own.catalogue == other.catalogue,
    ) {
        (false, false) => "other policies and another catalogue",
        (false, true) => "other policies",
        (true, _) => "another catalogue",
    };
    terminal::plain_line(&format!(
        "the replica {} has {what} in force than this one, {}: they answer differently",
        other.name, own.name
    ))
}
