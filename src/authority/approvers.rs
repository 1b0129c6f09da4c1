//! Who may approve what waits for people, told to whoever asked for it.

use super::{Authority, Client};
use crate::domain::{
    elevation::{Elevation, State},
    event::Origin,
    failure::Result,
    principal::{Caller, Class},
    time::Timestamp,
};

/// Of so many who were here last is looked who may, and so many are named at most.
const LOOKED_AT: i64 = 50;
const NAMED: usize = 5;
/// For so many requests at most.
const REQUESTS: usize = 3;

impl Authority {
    /// Some who may approve each of these, as they are written, by what policy says of them as they were
    /// here last; nobody of what is not pending. An agent learns no names.
    ///
    /// # Errors
    /// The store is away.
    pub async fn approvers(
        &self,
        client: &Client,
        elevations: &[Elevation],
    ) -> Result<Vec<Vec<String>>> {
        let now = (self.clock)();
        let is_pending = |one: &&Elevation| one.state(now) == State::Pending;
        let is_agent = client.caller.principal.class() == Class::Agent;
        if is_agent || !elevations.iter().any(|one| is_pending(&one)) {
            return Ok(vec![Vec::new(); elevations.len()]);
        }
        let known = self.store.lately(LOOKED_AT).await?;
        let comes = |(caller, seen_at): (Caller, Timestamp)| {
            let lifecycle = self.lifecycles.of(caller.principal.class());
            (!lifecycle.is_dormant(seen_at, now)).then(|| alone(client, caller))
        };
        let known: Vec<Client> = known.into_iter().filter_map(comes).collect();
        let mut left = REQUESTS;
        let named = elevations.iter().map(|elevation| {
            if left == 0 || !is_pending(&elevation) {
                return Vec::new();
            }
            left -= 1;
            let may = known.iter().filter(|one| self.may_approve(one, elevation));
            let may = may.map(|one| one.caller.principal.written());
            may.take(NAMED).collect()
        });
        Ok(named.collect())
    }
}

/// Somebody who is not here, as policy is asked about them.
fn alone(client: &Client, caller: Caller) -> Client {
    Client {
        caller,
        origin: Origin::default(),
        sessions: Vec::new(),
        proof: None,
        once: None,
        ..client.clone()
    }
}
