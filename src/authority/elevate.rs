//! One elevation from the ask to the answer: authenticate → decide → record → issue → record → answer; where
//! issuing reaches nobody outside, both are recorded at once.

use std::time::Duration;

use super::{
    Answer, Authority, Client, answer,
    issued::Made,
    justify::Answers,
    live_grant::LiveGrant,
    refusal::{lacks_reason, pending, refusal},
};
use crate::{
    domain::{
        credential::{Credential, Token},
        decision::{Decision, Verdict},
        elevation::{Elevation, Grant, PATIENCE, Request, State},
        entitlement::{Entitlement, Tier},
        event::{Event, EventKind},
        failure::{Failure, Result},
        id::GrantId,
        time::Timestamp,
    },
    issuers,
    platform::keys,
    store::ledger::{Append, overtaken},
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What.
    pub entitlement: Entitlement,
    /// Why.
    pub justification: Option<String>,
    /// For how long; policy may shorten it.
    pub ttl: Option<Duration>,
    /// Whether to skip approval in an emergency.
    pub break_glass: bool,
    /// What the command does there, where that is known: `get`.
    pub verb: Option<String>,
    /// Whether whoever asks can still say why: then the want of a reason is a question back to them,
    /// and becomes an event only with their answer.
    pub answerable: bool,
}

impl Ask {
    /// An entitlement, and nothing more said.
    pub(super) const fn new(entitlement: Entitlement) -> Self {
        Self {
            entitlement,
            justification: None,
            ttl: None,
            break_glass: false,
            verb: None,
            answerable: false,
        }
    }

    /// What was asked for, to be decided anew.
    pub(super) fn of(request: &Request) -> Self {
        Self {
            entitlement: request.entitlement.clone(),
            justification: request.justification.clone(),
            ttl: request.ttl,
            break_glass: request.break_glass,
            verb: request.verb.clone(),
            answerable: false,
        }
    }
}

/// What came of asking.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is granted: how it stands, and what leaves.
    Granted(Box<(Elevation, Answer)>),
    /// People were asked.
    Pending(Box<Elevation>),
}

/// A decision that is about to be recorded, and the event that somebody must hear of once it is.
struct Decided {
    append: Append,
    alarm: Option<Event>,
    /// What policy says of credentials.
    credential_ttl: Option<Duration>,
}

impl From<(Elevation, Answer)> for Outcome {
    fn from(granted: (Elevation, Answer)) -> Self {
        Self::Granted(Box::new(granted))
    }
}

impl Outcome {
    pub(super) fn given(
        elevation: Elevation,
        grant: Grant,
        token: Token,
        credential: Credential,
    ) -> Self {
        let answer = Answer {
            grant,
            token,
            credential,
        };
        (elevation, answer).into()
    }

    /// The answer, for whoever does not wait for people.
    ///
    /// # Errors
    /// Pending (122).
    pub fn answer(self) -> Result<Answer> {
        match self {
            Self::Granted(granted) => Ok(granted.1),
            Self::Pending(elevation) => {
                let request = &elevation.request;
                Err(pending(&request.id, &request.entitlement))
            }
        }
    }
}

impl Authority {
    /// Elevates the client, asks people where policy says so, or says why not. Nothing leaves before the
    /// event that explains it is on the disk.
    ///
    /// # Errors
    /// Denied (121), with the reason and what would help; a target that does not answer (124); a
    /// ledger that cannot be written (125).
    pub async fn elevate(&self, client: &Client, ask: &Ask) -> Result<Outcome> {
        match &client.once {
            Some(once) => Box::pin(self.elevate_once(client, ask, once)).await,
            None => Box::pin(self.elevate_noted(client, ask)).await,
        }
    }

    /// The same; where it is asked once, that is noted with the first event.
    pub(super) async fn elevate_noted(&self, client: &Client, ask: &Ask) -> Result<Outcome> {
        let asked_at = (self.clock)();
        let tier = self.catalogue.tier(&ask.entitlement)?;
        let decision = self.decide(client, ask, tier, asked_at);
        if decision.verdict != Verdict::Allow {
            if let Some(once) = &client.once
                && self.store.noted(once, asked_at).await?.is_some()
            {
                return Err(overtaken());
            }
            if let Some(found) = self.asked_before(client, ask).await? {
                return Ok(found);
            }
        }
        let enrolled_by = self.enroller(client).await?;
        let mut elevation = Elevation::ask(Request {
            enrolled_by,
            ..request(client, ask, asked_at)?
        });
        let lacks_reason = lacks_reason(&elevation, &decision);
        let beyond = (lacks_reason && !self.approvers).then(|| self.explained(client, ask, tier));
        let beyond = beyond.filter(|explained| explained.verdict == Verdict::RequireApproval);
        if ask.answerable && lacks_reason && beyond.is_none() {
            return Err(refusal(&elevation, &decision));
        }
        let event = self.take_step(client, &mut elevation, &decision)?;
        let alarm = (event.kind == EventKind::BreakGlass).then(|| event.clone());
        let append = client.append(event);
        let credential_ttl = decision.obligations.credential_ttl;
        let decided = Decided {
            append,
            alarm,
            credential_ttl,
        };
        if decision.verdict == Verdict::Allow {
            return self.give(client, elevation, decided).await;
        }
        // A reason alone would not be enough, so nobody is asked for one.
        let refused = (elevation.state(asked_at) == State::Denied)
            .then(|| refusal(&elevation, beyond.as_ref().unwrap_or(&decision)));
        let answer = refused.as_ref().map(answer::denied).transpose()?;
        let noted = self.noted(decided.append, client, &elevation, answer.as_ref());
        let append = noted.await?;
        self.record(append, decided.alarm).await?;
        match refused {
            Some(refused) => Err(refused),
            None => Ok(Outcome::Pending(Box::new(elevation))),
        }
    }

    /// Issues what was granted. What reaches out to its target does so after the grant is on the disk;
    /// what is made here alone is recorded with its grant, in one commit.
    async fn give(
        &self,
        client: &Client,
        mut elevation: Elevation,
        decided: Decided,
    ) -> Result<Outcome> {
        let Decided { append, alarm, .. } = decided;
        let asked_at = elevation.request.asked_at;
        let grant = elevation.grant_made().cloned();
        let grant = grant.ok_or_else(|| Failure::failed("nothing was granted"))?;
        let live = LiveGrant {
            grant: &grant,
            credential_ttl: decided.credential_ttl,
            keeps_credential: client.keeps_credential,
        };
        let resource = self.catalogue.resource(&grant.entitlement.resource)?;
        if !issuers::reaches_out(resource)
            && let Ok(credential) = self.issue(client.key, &live).await
        {
            let token = self.token(&grant, client.holder).await?;
            let issued = self.issued(client, &elevation, asked_at, Ok(&credential));
            let kept = client.once.as_ref();
            let kept = kept.map(|_| answer::granted(&grant, &token, &credential));
            let kept = kept.transpose()?;
            let both = self.noted(append.and(issued), client, &elevation, kept.as_ref());
            self.record(both.await?, alarm).await?;
            return Ok(Outcome::given(elevation, grant, token, credential));
        }
        let append = self.noted(append, client, &elevation, None).await?;
        self.record(append, alarm).await?;
        let made = self.issue(client.key, &live).await;
        let now = (self.clock)();
        if made.is_err() && elevation.live(now).is_some() {
            // Nothing was given, so nothing stays granted.
            elevation.revoke(now)?;
        }
        let token = self.token(&grant, client.holder).await?;
        let made = self.made_once(client, &grant.id, Made::new(asked_at, made), |credential| {
            answer::granted(&grant, &token, credential)
        })?;
        let credential = self.record_issue(client, &elevation, made).await?;
        Ok(Outcome::given(elevation, grant, token, credential))
    }

    async fn record(&self, append: Append, alarm: Option<Event>) -> Result<()> {
        self.store.ledger().append(append).await?;
        if let Some(event) = alarm {
            self.sound(&event);
        }
        Ok(())
    }

    /// What policy's answer would be to somebody who says why. It is no decision: nobody has.
    fn explained(&self, client: &Client, ask: &Ask, tier: Tier) -> Decision {
        let ask = Ask {
            justification: Some("a reason".to_owned()),
            ..ask.clone()
        };
        self.decide(client, &ask, tier, (self.clock)())
    }

    /// Takes the step that was decided; its event.
    fn take_step(
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

    /// What is asked for once more: it waits for people still, or was approved meanwhile.
    async fn asked_before(&self, client: &Client, ask: &Ask) -> Result<Option<Outcome>> {
        if !self.approvers || ask.break_glass {
            return Ok(None);
        }
        let now = (self.clock)();
        let chain = client.chain();
        let open = self.store.open_of(&client.caller.principal, now).await?;
        let same = |one: &Elevation| {
            one.request.entitlement == ask.entitlement
                && one.request.is_of(&client.caller.principal, &chain)
        };
        for one in open.into_iter().filter(same).rev() {
            let why = ask.justification.as_deref().unwrap_or_default();
            if one.is_unclaimed(now) {
                let claimed = self.try_claim(client, &one.request.id).await?;
                self.add_reason_further(client, &one, why).await?;
                return Ok(Some(claimed.into()));
            }
            if one.state(now) == State::Pending {
                let one = self
                    .add_reason(client, one, (why, Answers::Nothing))
                    .await?;
                return Ok(Some(Outcome::Pending(Box::new(one))));
            }
        }
        Ok(None)
    }
}

fn request(client: &Client, ask: &Ask, asked_at: Timestamp) -> Result<Request> {
    Ok(Request {
        id: GrantId::new(asked_at, keys::random()?),
        principal: client.caller.principal.clone(),
        entitlement: ask.entitlement.clone(),
        justification: ask.justification.clone(),
        ttl: ask.ttl,
        break_glass: ask.break_glass,
        verb: ask.verb.clone(),
        session: client.sessions.first().map(|session| session.id.clone()),
        chain: client.chain(),
        enrolled_by: None,
        address: client.origin.address,
        asked_at,
    })
}
