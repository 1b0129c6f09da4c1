//! One elevation from the ask to the answer: authenticate → decide → record → issue → record → answer.

use std::time::Duration;

use super::{Answer, Authority, Client};
use crate::{
    domain::{
        decision::{Decision, Verdict},
        elevation::{Elevation, Grant, Request},
        entitlement::{Entitlement, Tier},
        event::EventKind,
        failure::{Failure, Nature, Result},
        id::GrantId,
        principal::Principal,
        time::Timestamp,
    },
    platform::keys,
    policy::question::{Circumstances, Question},
    store::{ledger::Append, sessions},
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

impl Authority {
    /// Elevates the client, or says why not. Nothing leaves before the event that explains it is on
    /// the disk.
    ///
    /// # Errors
    /// Denied (121), with the reason and what would help; a target that does not answer (124); a
    /// ledger that cannot be written (125).
    pub async fn elevate(&self, client: &Client, ask: &Ask) -> Result<Answer> {
        let asked_at = (self.clock)();
        let tier = self.catalogue.tier(&ask.entitlement)?;
        let decision = self.decide(client, ask, tier);
        let mut elevation = Elevation::ask(request(client, ask, asked_at)?);
        let lacks_reason = lacks_reason(&elevation, &decision);
        let beyond = lacks_reason.then(|| self.explained(client, ask, tier));
        let beyond = beyond.filter(|explained| explained.verdict == Verdict::RequireApproval);
        if ask.answerable && lacks_reason && beyond.is_none() {
            return Err(refusal(&elevation, &decision));
        }
        let grant = self.record(client, &mut elevation, &decision).await;
        // A reason alone would not be enough, so nobody is asked for one.
        let grant = match (grant, &beyond) {
            (Err(failure), Some(explained)) if failure.nature == Nature::Unexplained => {
                Err(refusal(&elevation, explained))
            }
            (grant, _) => grant,
        }?;
        let made = self.issue(&grant, client.key).await;
        let now = (self.clock)();
        if made.is_err() && elevation.live(now).is_some() {
            // Nothing was given, so nothing stays granted.
            elevation.revoke(now)?;
        }
        let credential = self
            .record_issue(client, &elevation, asked_at, made)
            .await?;
        let token = self.token(&grant, client.holder).await?;
        Ok(Answer {
            grant,
            token,
            credential,
        })
    }

    /// Policy's answer. Asked once more for each credential under a grant.
    pub(super) fn decide(&self, client: &Client, ask: &Ask, tier: Tier) -> Decision {
        let labels = self
            .catalogue
            .resources
            .0
            .get(&ask.entitlement.resource)
            .map(|resource| resource.labels().clone())
            .unwrap_or_default();
        let now = (self.clock)();
        let chain = client.chain();
        let chain: Vec<String> = chain.iter().map(Principal::written).collect();
        let sign_in = client.caller.sign_in.as_ref();
        let mut decision = self.policies.decide(&Question {
            caller: &client.caller,
            entitlement: &ask.entitlement,
            tier,
            labels: &labels,
            justification: ask.justification.as_deref(),
            ttl: ask.ttl,
            break_glass: ask.break_glass,
            now,
            verb: ask.verb.as_deref(),
            circumstances: Circumstances {
                address: client.origin.address,
                sign_in_age: sign_in.map(|sign_in| now.left(sign_in.at)),
                chain: &chain,
                of_another: false,
            },
        });
        if decision.verdict == Verdict::Allow && decision.obligations.record_session {
            decision.verdict = Verdict::Deny;
            decision.reason =
                Some("its sessions must be recorded, which this authority cannot do".to_owned());
        }
        decision
    }

    /// What policy's answer would be to somebody who says why. It is no decision: nobody has.
    fn explained(&self, client: &Client, ask: &Ask, tier: Tier) -> Decision {
        let ask = Ask {
            justification: Some("a reason".to_owned()),
            ..ask.clone()
        };
        self.decide(client, &ask, tier)
    }

    /// Records the decision; the grant, if it is one.
    async fn record(
        &self,
        client: &Client,
        elevation: &mut Elevation,
        decision: &Decision,
    ) -> Result<Grant> {
        let now = (self.clock)();
        let (kind, grant) = match decision.verdict {
            Verdict::Allow => {
                let policies = decision.policies.clone();
                let grant = elevation
                    .grant(policies, decision.obligations, now)?
                    .clone();
                let kind = if grant.break_glass {
                    EventKind::BreakGlass
                } else {
                    EventKind::Granted
                };
                (kind, Some(grant))
            }
            // Nobody else can approve here: the embedded authority knows one person.
            Verdict::RequireApproval | Verdict::Deny => {
                elevation.deny(now)?;
                (EventKind::Denied, None)
            }
        };
        let mut event = self.event(kind, elevation, &client.origin);
        event.took_ms = self.took("decided", elevation.request.asked_at);
        event.verdict = Some(decision.verdict);
        event.policies.clone_from(&decision.policies);
        event.expires_at = grant.as_ref().map(|grant| grant.expires_at);
        event.detail.clone_from(&decision.reason);
        let mut append = Append::new(event).leaving(elevation)?;
        for session in &client.sessions {
            append = append.only_if(sessions::goes_on(&session.id));
        }
        self.store.ledger().append(append).await?;
        grant.ok_or_else(|| refusal(elevation, decision))
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
        asked_at,
    })
}

/// A refusal, as the one who asked reads it.
pub(super) fn refusal(elevation: &Elevation, decision: &Decision) -> Failure {
    let Request {
        principal,
        entitlement,
        ..
    } = &elevation.request;
    if decision.verdict == Verdict::RequireApproval {
        return Failure::denied(format!(
            "{entitlement} needs somebody else's approval, and here is nobody else"
        ))
        .hint(format!(
            "with `server` in config.toml a colleague could approve it; in an emergency, if you are \
             on call, run: jit request {entitlement} --break-glass -j WHY; \"jit policy explain {entitlement}\" shows the rules"
        ));
    }
    let explain = format!("\"jit policy explain {entitlement}\" shows what would allow it");
    if lacks_reason(elevation, decision) {
        return Failure::denied(format!("{entitlement} needs a justification"))
            .hint(format!(
                "say why with -j WHY; where a tool called jit, first run: jit request {entitlement} -j WHY"
            ))
            .of_nature(Nature::Unexplained);
    }
    let message = match &decision.reason {
        Some(reason) => format!("{principal} may not have {entitlement}: {reason}"),
        None => format!("no policy lets {principal} have {entitlement}"),
    };
    Failure::denied(message).hint(explain)
}

/// Whether policy would say yes to somebody who says why.
fn lacks_reason(elevation: &Elevation, decision: &Decision) -> bool {
    decision.verdict == Verdict::Deny
        && decision.obligations.justification
        && elevation.request.justification.is_none()
}
