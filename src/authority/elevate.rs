//! The story of one elevation: authenticate → decide → record → issue → record → answer.
//!
//! Callers are authenticated before ([`Client`] exists only for sessions whose proof held), and every record is
//! made on the condition that they still stand. Credentials are made and recorded by [`super::issue`].

use super::{
    Answer, Authority, Client,
    issue::{Granted, Issuance, Occasion},
    justify::Answers,
    refusal::{lacks_reason, refusal},
    request::{Ask, Outcome, request},
    stored_answer,
};
use crate::{
    domain::{
        decision::{Decision, Verdict},
        elevation::{Elevation, PATIENCE, Request, State},
        entitlement::Tier,
        event::{Event, EventKind},
        failure::{Failure, Result},
    },
    store::ledger::Appended,
};

impl Authority {
    /// Elevates the client, asks people where policy says so, or says why not. Nothing leaves before the
    /// event that explains it is on the disk.
    ///
    /// # Errors
    /// Denied (121), with the reason and what would help; a target that does not answer (124); a
    /// ledger that cannot be written (125).
    pub async fn elevate(&self, client: &Client, ask: &Ask) -> Result<Outcome> {
        let attempt = || Box::pin(self.try_elevate(client, ask));
        self.elevate_idempotently(client, ask, attempt).await
    }

    /// The story itself; `None` where another request was first.
    async fn try_elevate(&self, client: &Client, ask: &Ask) -> Result<Option<Outcome>> {
        let asked_at = (self.clock)();
        let tier = self.catalogue.tier(&ask.entitlement)?;
        let decision = self.decide(client, ask, tier, asked_at);
        if decision.verdict != Verdict::Allow {
            if self.idempotency(client).stored().await?.is_some() {
                return Ok(None);
            }
            if let Some(earlier) = self.earlier_request(client, ask).await? {
                return self.continue_request(client, ask, earlier).await;
            }
        }
        let mut elevation = Elevation::ask(Request {
            enrolled_by: self.enroller(client).await?,
            ..request(client, ask, asked_at)?
        });
        let explained = self.explained(client, ask, tier, (&elevation, &decision));
        let explained = explained.as_ref().unwrap_or(&decision);
        if ask.answerable && lacks_reason(&elevation, explained) {
            return Err(refusal(&elevation, explained));
        }
        let event = self.apply(client, &mut elevation, &decision)?;
        match elevation.state(asked_at) {
            State::Granted => {
                let answer = self.grant(client, &elevation, &decision, event).await?;
                Ok(answer.map(|answer| (elevation, answer).into()))
            }
            State::Pending => {
                let recorded = self.record_first(client, client.append(event), &elevation, None);
                let is_first = recorded.await? == Appended::Written;
                Ok(is_first.then(|| Outcome::Pending(Box::new(elevation))))
            }
            State::Denied | State::Abandoned | State::Expired | State::Revoked => {
                let refused = refusal(&elevation, explained);
                let answer = Some(stored_answer::denied(&refused)?);
                let recorded = self.record_first(client, client.append(event), &elevation, answer);
                match recorded.await? {
                    Appended::Written => Err(refused),
                    Appended::Overtaken => Ok(None),
                }
            }
        }
    }

    /// Records the grant that was decided and issues its first credential.
    async fn grant(
        &self,
        client: &Client,
        elevation: &Elevation,
        decision: &Decision,
        event: Event,
    ) -> Result<Option<Answer>> {
        let grant = elevation.grant_made();
        let alert = (event.kind == EventKind::BreakGlass).then(|| event.clone());
        let granted = Granted {
            record: client.append(event),
            alert,
        };
        let issuance = Issuance {
            elevation,
            grant: grant.ok_or_else(|| Failure::failed("nothing was granted"))?,
            credential_ttl: decision.obligations.credential_ttl,
            asked_at: elevation.request.asked_at,
            occasion: Occasion::Granted(Box::new(granted)),
        };
        Box::pin(self.issue(client, issuance)).await
    }

    /// Where a justification is missing, and would lead to people whom this authority does not have: what policy
    /// says to somebody who gives one. Asking for a justification would be of no use then.
    fn explained(
        &self,
        client: &Client,
        ask: &Ask,
        tier: Tier,
        (elevation, decision): (&Elevation, &Decision),
    ) -> Option<Decision> {
        if self.approvers || !lacks_reason(elevation, decision) {
            return None;
        }
        let ask = Ask {
            justification: Some("a reason".to_owned()),
            ..ask.clone()
        };
        let explained = self.decide(client, &ask, tier, (self.clock)());
        (explained.verdict == Verdict::RequireApproval).then_some(explained)
    }

    /// Takes the step of the elevation's life that was decided; its event.
    fn apply(
        &self,
        client: &Client,
        elevation: &mut Elevation,
        decision: &Decision,
    ) -> Result<Event> {
        let now = (self.clock)();
        let kind = match decision.verdict {
            Verdict::Allow => {
                let policies = decision.policies.clone();
                let grant = elevation.grant(policies, decision.obligations, now)?;
                if grant.break_glass {
                    EventKind::BreakGlass
                } else {
                    EventKind::Granted
                }
            }
            Verdict::RequireApproval if self.approvers => {
                let needed = decision.obligations.approvals.unwrap_or(1);
                elevation.put_to_vote(needed, now.after(PATIENCE), now)?;
                EventKind::Requested
            }
            // Nobody else can approve here: the embedded authority knows one person.
            Verdict::RequireApproval | Verdict::Deny => {
                elevation.deny(now)?;
                EventKind::Denied
            }
        };
        let mut event = self.event(kind, elevation, &client.origin);
        event.took_ms = self.took("decided", elevation.request.asked_at);
        event.verdict = Some(decision.verdict);
        event.policy_digest = Some(self.policies.digest.as_str().into());
        event.policies.clone_from(&decision.policies);
        event.expires_at = match (elevation.grant_made(), elevation.vote()) {
            (Some(grant), _) => Some(grant.expires_at),
            (None, Some(vote)) => Some(vote.until),
            (None, None) => None,
        };
        event.detail.clone_from(&decision.reason);
        Ok(event)
    }

    /// The caller's newest request of the same that still waits for people, or was approved and not claimed yet.
    async fn earlier_request(&self, client: &Client, ask: &Ask) -> Result<Option<Elevation>> {
        if !self.approvers || ask.break_glass {
            return Ok(None);
        }
        let now = (self.clock)();
        let chain = client.chain();
        let open = self.store.open_of(&client.caller.principal, now).await?;
        let is_same = |one: &Elevation| {
            one.request.entitlement == ask.entitlement
                && one.request.is_of(&client.caller.principal, &chain)
                && (one.is_unclaimed(now) || one.state(now) == State::Pending)
        };
        Ok(open.into_iter().rfind(is_same))
    }

    /// Answers with an earlier request, and records a justification that is new there.
    async fn continue_request(
        &self,
        client: &Client,
        ask: &Ask,
        earlier: Elevation,
    ) -> Result<Option<Outcome>> {
        let why = ask.justification.as_deref().unwrap_or_default();
        if earlier.state((self.clock)()) == State::Pending {
            let justified = self.add_reason(client, earlier, (why, Answers::Nothing));
            let pending = justified.await?.map(Box::new);
            return Ok(pending.map(Outcome::Pending));
        }
        let Some(claimed) = self.try_claim(client, &earlier.request.id).await? else {
            return Ok(None);
        };
        self.add_reason_further(client, &earlier, why).await?;
        Ok(Some(claimed.into()))
    }
}
