//! Who may approve what waits for people, and some of them by name for whoever asked.

use super::{Authority, Client};
use crate::{
    domain::{
        elevation::{Elevation, State},
        event::Origin,
        failure::Result,
        principal::{Caller, Class},
        time::Timestamp,
    },
    policy::vocabulary::Action,
};

/// Of so many who were here last is looked who may, and so many are named at most.
const LOOKED_AT: i64 = 50;
const NAMED: usize = 5;
/// For so many requests at most.
const REQUESTS: usize = 3;

impl Authority {
    /// Those of whom is looked whether they may approve what is pending of these: who was here last. An agent
    /// learns no names, and nobody is looked for where nothing is pending.
    ///
    /// # Errors
    /// The store is away.
    pub async fn approver_candidates(
        &self,
        client: &Client,
        elevations: &[Elevation],
    ) -> Result<Vec<Client>> {
        let now = (self.clock)();
        let is_agent = client.caller.principal.class() == Class::Agent;
        let is_pending = |one: &Elevation| one.state(now) == State::Pending;
        if is_agent || !elevations.iter().any(is_pending) {
            return Ok(Vec::new());
        }
        let known = self.store.lately(LOOKED_AT, now).await?;
        let comes = |(caller, seen_at): (Caller, Timestamp)| {
            let lifecycle = self.lifecycles.of(caller.principal.class());
            (!lifecycle.is_dormant(seen_at, now)).then(|| alone(client, caller))
        };
        Ok(known.into_iter().filter_map(comes).collect())
    }

    /// Some of the candidates who may approve each of these, as they are written, by what policy says of them as
    /// they were here last; nobody of what is not pending.
    pub fn approvers(&self, candidates: &[Client], elevations: &[Elevation]) -> Vec<Vec<String>> {
        let now = (self.clock)();
        let mut left = REQUESTS;
        let named = elevations.iter().map(|elevation| {
            if left == 0 || elevation.state(now) != State::Pending {
                return Vec::new();
            }
            left -= 1;
            let may = candidates
                .iter()
                .filter(|one| self.may_approve(one, elevation));
            let may = may.map(|one| one.caller.principal.written());
            may.take(NAMED).collect()
        });
        named.collect()
    }

    /// Whether policy lets the client approve it, who is no party to it and no agent.
    pub(super) fn may_approve(&self, client: &Client, elevation: &Elevation) -> bool {
        self.might_approve_at(client, elevation, (self.clock)())
    }

    /// The same, with the age of the sign-in as it was at that time.
    pub(super) fn might_approve_at(
        &self,
        client: &Client,
        elevation: &Elevation,
        seen_at: Timestamp,
    ) -> bool {
        let allowed = match client.caller.principal.class() {
            Class::Human | Class::Workload => !is_party(client, elevation),
            Class::Agent => false,
        };
        allowed && self.permits_seen_at(Action::Approve, client, elevation, seen_at)
    }
}

/// Somebody who is not here, as policy is asked about them.
pub(super) fn alone(client: &Client, caller: Caller) -> Client {
    Client {
        caller,
        origin: Origin::default(),
        sessions: Vec::new(),
        proof: None,
        once: None,
        keeps_credential: false,
        ..client.clone()
    }
}

pub(super) fn is_party(client: &Client, elevation: &Elevation) -> bool {
    let mut parties = elevation.request.parties();
    parties.any(|party| party.is_twin(&client.caller.principal))
}
