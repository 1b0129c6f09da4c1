//! A further reason for what somebody holds or waits for: recorded, and shown to whoever is to approve it.

use super::{Authority, Client};
use crate::{
    domain::{
        elevation::{Elevation, State},
        event::{Event, EventKind},
        failure::{Failure, Nature, Result},
        id::GrantId,
    },
    store::{ledger::Appended, steps},
};

/// How long all reasons of a request may be together, in bytes. What is beyond that is in the ledger alone.
const LONGEST: usize = 4096;

/// What a recorded reason is the answer to.
#[derive(Clone, Copy)]
pub(super) enum Answers {
    /// The request that gave it, which asked for nothing else.
    Request,
    /// Nothing: it came with something else that is asked for.
    Nothing,
}

impl Authority {
    /// Records a further reason that the caller gives for their own grant or request.
    ///
    /// # Errors
    /// Denied (121): it has ended. There is none of that id, as far as this caller is told.
    pub async fn justify(&self, client: &Client, id: &GrantId, why: &str) -> Result<()> {
        let recorded = self.try_justify(client, id, why);
        self.answer_once(client, recorded).await
    }

    async fn try_justify(&self, client: &Client, id: &GrantId, why: &str) -> Result<Option<()>> {
        let chain = client.chain();
        let elevation = self.own(&client.caller.principal, &chain, id).await?;
        match elevation.state((self.clock)()) {
            State::Pending | State::Granted => self
                .add_reason(client, elevation, (why, Answers::Request))
                .await
                .map(|recorded| recorded.map(drop)),
            state @ (State::Denied | State::Abandoned | State::Expired | State::Revoked) => {
                Err(Failure::denied(format!("{id} is {}", state.in_words()))
                    .hint("run the command again: a new elevation is asked for")
                    .of_nature(Nature::Ended))
            }
        }
    }

    /// Records a reason that is not the one of the elevation already; how it stands then. `None` where somebody
    /// changed it meanwhile.
    pub(super) async fn add_reason(
        &self,
        client: &Client,
        before: Elevation,
        (why, answers): (&str, Answers),
    ) -> Result<Option<Elevation>> {
        let now = (self.clock)();
        let Some(event) = self.reason_event(client, &before, why) else {
            return Ok(Some(before));
        };
        let append = match answers {
            Answers::Request => self.idempotency(client).finish(client.append(event), &())?,
            Answers::Nothing => client.append(event),
        };
        let known = before.request.justification.as_ref().map_or(0, String::len);
        if before.state(now) != State::Pending || known + why.len() > LONGEST {
            let append = append.only_if(steps::is_unrevoked(&before));
            let recorded = self.store.ledger().append(append).await?;
            return Ok((recorded == Appended::Written).then_some(before));
        }
        let mut elevation = before.clone();
        elevation.add_reason(why);
        let voucher = self.store.voucher(now).await?;
        let append = append
            .leaving(&elevation, &voucher)?
            .only_if(steps::is_still(&before, &voucher)?);
        let recorded = self.store.ledger().append(append).await?;
        Ok((recorded == Appended::Written).then_some(elevation))
    }

    /// The same for a grant, behind what the request of the client recorded first.
    pub(super) async fn add_reason_further(
        &self,
        client: &Client,
        granted: &Elevation,
        why: &str,
    ) -> Result<()> {
        let Some(event) = self.reason_event(client, granted, why) else {
            return Ok(());
        };
        let append = client.append_further(event);
        let append = append.only_if(steps::is_unrevoked(granted));
        self.store.ledger().append(append).await?.or_conflict()
    }

    /// The event of a reason; `None` where it is known already, or none.
    fn reason_event(&self, client: &Client, elevation: &Elevation, why: &str) -> Option<Event> {
        let known = elevation.request.justification.as_deref();
        let known = known.unwrap_or_default();
        // Reasons are joined as `add_reason` of an elevation does it.
        let is_known = format!("; {known}; ").contains(&format!("; {why}; "));
        if why.is_empty() || is_known {
            return None;
        }
        Some(Event {
            justification: Some(why.to_owned()),
            ..self.event(EventKind::Justified, elevation, &client.origin)
        })
    }
}
