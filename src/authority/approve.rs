//! What people say to a request that policy put to them: see it → decide again → record, and the last
//! yes grants it in the same commit.

use super::{Authority, Client, approvers::is_party, request::Ask, voters::approval};
use crate::{
    domain::{
        decision::{Decision, Obligations, Verdict},
        elevation::{Elevation, State},
        event::{Event, EventKind, Origin},
        failure::{Failure, Result},
        id::GrantId,
        principal::{Class, Principal},
        time::Timestamp,
    },
    store::{
        ledger::{Append, Appended},
        principals, steps,
    },
};

/// How often somebody who was overtaken looks again.
const ATTEMPTS: usize = 32;

impl Authority {
    /// Everything that waits for this caller's approval, the oldest first.
    pub async fn to_approve(&self, client: &Client) -> Result<Vec<Elevation>> {
        let pending = self.store.pending((self.clock)()).await?;
        Ok(self.approvable(client, pending))
    }

    /// What of these waits for this caller's approval. It takes a processor for as long as much is pending.
    pub fn approvable(&self, client: &Client, mut pending: Vec<Elevation>) -> Vec<Elevation> {
        pending.retain(|elevation| self.may_approve(client, elevation));
        pending
    }

    /// Says yes. The last yes that is needed grants it, if policy still would.
    ///
    /// # Errors
    /// Denied (121): the caller may not approve it, asked for it, or has approved it; it is not pending;
    /// or policy would not grant it any longer.
    pub async fn approve(
        &self,
        client: &Client,
        id: &GrantId,
        comment: Option<&str>,
    ) -> Result<Elevation> {
        let approved = self.approve_patiently(client, id, comment);
        let (elevation, why) = self.answer_once(client, approved).await?;
        if elevation.state((self.clock)()) == State::Denied {
            return Err(Failure::denied(format!(
                "{} is not granted in spite of it: {}",
                elevation.request.entitlement,
                why.as_deref().unwrap_or("policy says no by now")
            ))
            .hint("whoever asked can ask again"));
        }
        Ok(elevation)
    }

    async fn approve_patiently(
        &self,
        client: &Client,
        id: &GrantId,
        comment: Option<&str>,
    ) -> Result<Option<(Elevation, Option<String>)>> {
        for _ in 0..ATTEMPTS {
            if let Some(approved) = self.try_approve(client, id, comment).await? {
                return Ok(Some(approved));
            }
        }
        Ok(None)
    }

    /// How it stands then, and what policy says of it; `None` where another approval was first.
    async fn try_approve(
        &self,
        client: &Client,
        id: &GrantId,
        comment: Option<&str>,
    ) -> Result<Option<(Elevation, Option<String>)>> {
        let before = self.to_vote(client, id).await?;
        let now = (self.clock)();
        let asker = self.asker(&before, now).await?;
        let decision = self.decided_again(asker.as_ref(), &before)?;
        let needed = match decision.verdict {
            Verdict::Allow => 0,
            Verdict::RequireApproval | Verdict::Deny => decision.obligations.approvals.unwrap_or(1),
        };
        let mut elevation = before.clone();
        let voters = self.voters(client, &before).await?;
        elevation.without(&voters.lost);
        elevation.approve(approval(client, comment, now), needed, now)?;
        let approved = self.said(EventKind::Approved, &elevation, client, comment);
        let mut append = client.append(approved);
        if let Some(outcome) = self.follows(&mut elevation, &decision, client, now)? {
            append = append.and(outcome);
        }
        let voucher = self.store.voucher(now).await?;
        append = append
            .leaving(&elevation, &voucher)?
            .only_if(steps::is_still(&before, &voucher)?);
        let standing = voters.standing.iter().map(principals::stands);
        append = standing.fold(append, Append::only_if);
        if let Some(asker) = &asker {
            append = append.only_while(&asker.sessions);
        }
        let said = (elevation, decision.reason);
        let append = self.idempotency(client).finish(append, &said)?;
        let is_first = self.store.ledger().append(append).await? == Appended::Written;
        Ok(is_first.then_some(said))
    }

    /// Says no, and why.
    ///
    /// # Errors
    /// Denied (121): the caller may not decide about it, or it is not pending.
    pub async fn refuse(&self, client: &Client, id: &GrantId, comment: &str) -> Result<Elevation> {
        let refused = self.try_refuse(client, id, comment);
        self.answer_once(client, refused).await
    }

    async fn try_refuse(
        &self,
        client: &Client,
        id: &GrantId,
        comment: &str,
    ) -> Result<Option<Elevation>> {
        let before = self.to_vote(client, id).await?;
        let now = (self.clock)();
        let mut elevation = before.clone();
        elevation.deny(now)?;
        let event = self.said(EventKind::Denied, &elevation, client, Some(comment));
        let voucher = self.store.voucher(now).await?;
        let append = client
            .append(event)
            .leaving(&elevation, &voucher)?
            .only_if(steps::is_still(&before, &voucher)?);
        let append = self.idempotency(client).finish(append, &elevation)?;
        let is_first = self.store.ledger().append(append).await? == Appended::Written;
        Ok(is_first.then_some(elevation))
    }

    /// The elevation that the caller may vote on.
    async fn to_vote(&self, client: &Client, id: &GrantId) -> Result<Elevation> {
        let found = self.visible(client, id).await?;
        if client.caller.principal.class() == Class::Agent {
            return Err(Failure::denied("an agent never approves")
                .hint("a person who may approve it runs: jit approvals"));
        }
        if is_party(client, &found) {
            return Err(Failure::denied(
                "nobody approves their own request, nor what an agent asks for them",
            )
            .hint("somebody else who may approve it runs: jit approvals"));
        }
        // A host does what whoever enrolled it lets it do.
        let enroller = self.enroller(client).await?;
        let is_party = |who: Principal| found.request.parties().any(|party| party.is_twin(&who));
        if enroller.is_some_and(is_party) {
            return Err(Failure::denied(
                "a host does not approve a request of who enrolled it, nor of another host of theirs",
            )
            .hint("somebody else who may approve it runs: jit approvals"));
        }
        if self.may_approve(client, &found) {
            return match found.state((self.clock)()) {
                State::Pending => Ok(found),
                state @ (State::Granted
                | State::Denied
                | State::Abandoned
                | State::Expired
                | State::Revoked) => Err(Failure::denied(format!(
                    "{id} is {}: there is nothing left to decide",
                    state.in_words()
                ))
                .hint("what still waits is in: jit approvals")),
            };
        }
        Err(
            Failure::denied(format!("no policy lets you decide about {id}"))
                .hint("whoever may, sees it in: jit approvals"),
        )
    }

    /// Whoever asked, as they are known in the session that they asked in; `None` once it has ended.
    async fn asker(&self, elevation: &Elevation, now: Timestamp) -> Result<Option<Client>> {
        let request = &elevation.request;
        let Some(session) = &request.session else {
            return Ok(None);
        };
        let sessions = self.store.line(session, now).await?;
        Ok(sessions.first().cloned().map(|nearest| Client {
            caller: nearest.caller,
            origin: Origin {
                address: request.address,
                ..Origin::default()
            },
            holder: nearest.holder,
            key: nearest.holder,
            sessions,
            proof: None,
            once: None,
            keeps_credential: false,
        }))
    }

    fn decided_again(&self, asker: Option<&Client>, elevation: &Elevation) -> Result<Decision> {
        let ask = Ask::of(&elevation.request);
        let tier = self.catalogue.tier(&ask.entitlement)?;
        Ok(match asker {
            Some(asker) => self.decide(asker, &ask, tier, elevation.request.asked_at),
            None => Decision {
                sign_in: None,
                verdict: Verdict::Deny,
                policies: Vec::new(),
                obligations: Obligations::default(),
                reason: Some("whoever asked has signed out".to_owned()),
            },
        })
    }

    /// What follows from one more approval: a grant, a denial where policy would not grant it any longer,
    /// or nothing yet.
    fn follows(
        &self,
        elevation: &mut Elevation,
        decision: &Decision,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<Event>> {
        let kind = match decision.verdict {
            Verdict::Deny => {
                elevation.deny(now)?;
                EventKind::Denied
            }
            Verdict::Allow | Verdict::RequireApproval => {
                let vote = elevation.vote();
                if vote.is_some_and(|vote| vote.missing(vote.needed) > 0) {
                    return Ok(None);
                }
                elevation.grant(decision.policies.clone(), decision.obligations, now)?;
                EventKind::Granted
            }
        };
        let mut event = self.said(kind, elevation, client, decision.reason.as_deref());
        event.verdict = Some(decision.verdict);
        event.policy_digest = Some(self.policies.digest.as_str().into());
        event.policies.clone_from(&decision.policies);
        event.expires_at = elevation.live(now).map(|grant| grant.expires_at);
        let approvals = elevation
            .vote()
            .into_iter()
            .flat_map(|vote| &vote.approvals);
        event.approvers = approvals.map(|one| one.by.clone()).collect();
        Ok(Some(event))
    }

    fn said(
        &self,
        kind: EventKind,
        elevation: &Elevation,
        client: &Client,
        comment: Option<&str>,
    ) -> Event {
        Event {
            by: Some(client.caller.principal.clone()),
            detail: comment.map(str::to_owned),
            ..self.event(kind, elevation, &client.origin)
        }
    }
}
