//! A request for an elevation that is repeated with its idempotency key, or comes twice at the same time: it is
//! answered with what the first one led to.

use super::{
    Answer, Authority, Client,
    issue::{Issuance, Occasion},
    request::{Ask, Outcome},
    stored_answer::{absent, read},
};
use crate::{
    domain::{
        elevation::{Elevation, State},
        failure::{Failure, Result},
        id::GrantId,
    },
    store::ledger::overtaken,
};

/// How often a request that was overtaken looks again.
const ATTEMPTS: usize = 8;

impl Authority {
    /// Runs `attempt`, which gives `None` where its key was used before or another request was first; then the
    /// answer is what that led to.
    pub(super) async fn elevate_idempotently<F: Future<Output = Result<Option<Outcome>>>>(
        &self,
        client: &Client,
        ask: &Ask,
        attempt: impl Fn() -> F,
    ) -> Result<Outcome> {
        if client.once.is_none() {
            return attempt().await?.ok_or_else(overtaken);
        }
        // Most requests come for the first time: whether this one does is found by the commit of its record.
        if let Some(outcome) = attempt().await? {
            return Ok(outcome);
        }
        let mut was_released = false;
        for _ in 0..ATTEMPTS {
            let stored = self.idempotency(client).stored().await?;
            let outcome = match stored {
                Some(stored) => self.replay(client, ask, stored.elevation).await?,
                // The key was released meanwhile; or it is not what stood in the way, and that still does.
                None if !was_released => {
                    was_released = true;
                    attempt().await?
                }
                None => break,
            };
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
        Err(overtaken())
    }

    /// What the first request led to.
    async fn replay(
        &self,
        client: &Client,
        ask: &Ask,
        elevation: Option<GrantId>,
    ) -> Result<Option<Outcome>> {
        if let Some(answer) = self.stored_answer(client).await? {
            let outcome = self.answered(read(&answer)?).await?;
            return Ok(Some(outcome.into()));
        }
        let id =
            elevation.ok_or_else(|| Failure::failed("an answer was stored that cannot be read"))?;
        let now = (self.clock)();
        let elevation = self.store.elevation(&id, now).await?;
        // The key finds the elevation, and proves nothing about whose it is.
        let is_asked = |one: &Elevation| {
            client.owns(&one.request) && one.request.entitlement == ask.entitlement
        };
        let elevation = elevation.filter(is_asked).ok_or_else(|| absent(&id))?;
        if elevation.state(now) == State::Pending {
            return Ok(Some(Outcome::Pending(Box::new(elevation))));
        }
        let claimed = if elevation.is_unclaimed(now) {
            self.try_claim(client, &id).await?
        } else {
            self.resume(client, elevation).await?
        };
        Ok(claimed.map(Outcome::from))
    }

    /// Makes the credential that the first request was cut off from.
    async fn resume(
        &self,
        client: &Client,
        elevation: Elevation,
    ) -> Result<Option<(Elevation, Answer)>> {
        let now = (self.clock)();
        let grant = elevation.live(now).cloned().ok_or_else(|| {
            let id = &elevation.request.id;
            Failure::denied(format!("the grant {id} is {}", elevation.state(now)))
                .hint("run the command again: a new elevation is asked for")
        })?;
        let issuance = Issuance {
            elevation: &elevation,
            grant: &grant,
            credential_ttl: self.decide_again(client, &elevation).await?,
            asked_at: now,
            occasion: Occasion::Resumed,
        };
        let answer = Box::pin(self.issue(client, issuance)).await?;
        Ok(answer.map(|answer| (elevation, answer)))
    }
}
