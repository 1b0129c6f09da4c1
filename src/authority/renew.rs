//! The next credential under a live grant: prove → decide again → issue → record → answer.

use std::time::Duration;

use super::{
    Answer, Authority, Client,
    answer::{self, Kept},
    elevate::Ask,
    issued::Made,
    live_grant::LiveGrant,
    refusal::{pending, refusal},
};
use crate::{
    domain::{
        credential::{Credential, Token},
        decision::Verdict,
        elevation::{Elevation, State},
        event::EventKind,
        failure::{Failure, Nature, Result},
        id::GrantId,
    },
    store::steps,
};

impl Authority {
    /// A new credential under the grant that the token proves. Policy is asked again, so that a
    /// revocation or a change of policy bites within one credential's TTL.
    ///
    /// # Errors
    /// Denied (121): the token, its proof, the grant or policy say no.
    pub async fn renew(&self, client: &Client, token: &Token, proof: &str) -> Result<Credential> {
        let elevation = self.shown(client, token, proof).await?;
        self.renew_shown(client, &elevation).await
    }

    /// The same under the grant of that id and no other: the one that a request's path names.
    ///
    /// # Errors
    /// As those of [`Authority::renew`]; the client has no such grant (it is absent).
    pub async fn renew_under(
        &self,
        client: &Client,
        id: &GrantId,
        (token, proof): (&Token, &str),
    ) -> Result<Credential> {
        let elevation = self
            .own(&client.caller.principal, &client.chain(), id)
            .await?;
        if self.proven(token, proof).await? != *id {
            return Err(Failure::denied(format!(
                "the elevation token is refused: it proves another grant than {id}"
            ))
            .hint("run the command again: a new elevation is asked for"));
        }
        let renewed = Box::pin(self.renew_shown(client, &elevation));
        self.once(client, renewed).await
    }

    async fn renew_shown(&self, client: &Client, elevation: &Elevation) -> Result<Credential> {
        let asked_at = (self.clock)();
        let grant = elevation.live(asked_at).cloned().ok_or_else(|| {
            let state = elevation.state(asked_at);
            Failure::denied(format!("the grant {} is {state}", elevation.request.id))
                .hint("run the command again: a new elevation is asked for")
                .of_nature(Nature::Ended)
        })?;
        let credential_ttl = self.decide_again(client, elevation).await?;
        self.alone(client, &grant).await?;
        let live = LiveGrant {
            grant: &grant,
            credential_ttl,
            keeps_credential: client.keeps_credential,
        };
        let made = self.issue(client.key, &live).await;
        let made = Made {
            is_first: true,
            ..Made::new(asked_at, made)
        };
        let made = self.made_once(client, &grant.id, made, answer::written)?;
        self.record_issue(client, elevation, made).await
    }

    /// The elevation that the token proves, if it is this caller's.
    async fn shown(&self, client: &Client, token: &Token, proof: &str) -> Result<Elevation> {
        let id = self.proven(token, proof).await?;
        self.store
            .elevation(&id, (self.clock)())
            .await?
            .filter(|elevation| client.owns(&elevation.request))
            .ok_or_else(|| {
                Failure::denied(format!(
                    "there is no grant {id} of {}",
                    client.caller.principal
                ))
                .hint("run the command again: a new elevation is asked for")
            })
    }

    /// The first credential after an approval, asked for by whoever asked for the elevation. The grant is
    /// bound to the key that it is claimed with.
    ///
    /// # Errors
    /// Denied (121): it is nobody's who asks, was claimed with another key, or policy says no by now.
    /// Pending (122): people have not answered yet.
    pub async fn claim(&self, client: &Client, id: &GrantId) -> Result<(Elevation, Answer)> {
        let claimed = Box::pin(async {
            let (_, answer) = self.try_claim(client, id).await?;
            Ok(Kept::of(answer))
        });
        self.told(self.once(client, claimed).await?).await
    }

    pub(super) async fn try_claim(
        &self,
        client: &Client,
        id: &GrantId,
    ) -> Result<(Elevation, Answer)> {
        let asked_at = (self.clock)();
        let before = self
            .own(&client.caller.principal, &client.chain(), id)
            .await?;
        let mut elevation = before.clone();
        let grant = match before.state(asked_at) {
            State::Pending => return Err(pending(id, &before.request.entitlement)),
            State::Granted => elevation.claim(client.holder, asked_at)?.clone(),
            state @ (State::Denied | State::Abandoned | State::Expired | State::Revoked) => {
                return Err(Failure::denied(format!("{id} is {}", state.in_words()))
                    .hint("ask again: jit request ENTITLEMENT -j WHY"));
            }
        };
        let credential_ttl = self.decide_again(client, &before).await?;
        self.alone(client, &grant).await?;
        let live = LiveGrant {
            grant: &grant,
            credential_ttl,
            keeps_credential: client.keeps_credential,
        };
        let made = self.issue(client.key, &live).await;
        let token = self.token(&grant, client.holder).await?;
        let kept = if made.is_ok() { &elevation } else { &before };
        let voucher = self.store.voucher(asked_at).await?;
        // Of two who claim it at the same time, one is first.
        let made = Made {
            guards: vec![steps::is_still(&before, &voucher)?],
            is_first: true,
            ..Made::new(asked_at, made)
        };
        let made = self.made_once(client, id, made, |credential| {
            answer::granted(&grant, &token, credential)
        })?;
        let credential = self.record_issue(client, kept, made).await?;
        let answer = Answer {
            grant,
            token,
            credential,
        };
        Ok((elevation, answer))
    }

    /// Asks policy anew; what it says of credentials. What people had to approve is what they approved.
    pub(super) async fn decide_again(
        &self,
        client: &Client,
        elevation: &Elevation,
    ) -> Result<Option<Duration>> {
        let request = &elevation.request;
        let ask = Ask::of(request);
        let tier = self.catalogue.tier(&ask.entitlement)?;
        let decision = self.decide(client, &ask, tier, (self.clock)());
        let needed = decision.obligations.approvals.unwrap_or(1);
        match decision.verdict {
            Verdict::Allow => return Ok(decision.obligations.credential_ttl),
            Verdict::RequireApproval if elevation.is_approved(needed) => {
                return Ok(decision.obligations.credential_ttl);
            }
            Verdict::RequireApproval | Verdict::Deny => {}
        }
        let mut event = self.event(EventKind::Denied, elevation, &client.origin);
        event.verdict = Some(decision.verdict);
        event.policies.clone_from(&decision.policies);
        event.detail.clone_from(&decision.reason);
        // Where the elevation is stays as it is: somebody may have taken a step meanwhile.
        self.store.ledger().append(client.append(event)).await?;
        Err(refusal(elevation, &decision))
    }
}
