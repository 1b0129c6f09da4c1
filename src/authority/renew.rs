//! The next credential under a live grant: prove → decide again → issue → record → answer.

use super::{
    Authority, Client,
    elevate::{Ask, refusal},
};
use crate::{
    domain::{
        credential::{Credential, Token},
        decision::Verdict,
        elevation::Elevation,
        event::EventKind,
        failure::{Failure, Result},
        id::GrantId,
    },
    store::ledger::Append,
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
        let elevation = self.own(&client.caller.principal, id).await?;
        if self.proven(token, proof).await? != *id {
            return Err(Failure::denied(format!(
                "the elevation token is refused: it proves another grant than {id}"
            ))
            .hint("run the command again: a new elevation is asked for"));
        }
        self.renew_shown(client, &elevation).await
    }

    async fn renew_shown(&self, client: &Client, elevation: &Elevation) -> Result<Credential> {
        let asked_at = (self.clock)();
        let grant = elevation.live(asked_at).cloned().ok_or_else(|| {
            let state = elevation.state(asked_at);
            Failure::denied(format!("the grant {} is {state}", elevation.request.id))
                .hint("run the command again: a new elevation is asked for")
        })?;
        self.decide_again(client, elevation).await?;
        let made = self.issue(&grant, client.key).await;
        self.record_issue(client, elevation, asked_at, made).await
    }

    /// The elevation that the token proves, if it is this caller's.
    async fn shown(&self, client: &Client, token: &Token, proof: &str) -> Result<Elevation> {
        let id = self.proven(token, proof).await?;
        self.store
            .elevation(&id)
            .await?
            .filter(|elevation| elevation.request.principal == client.caller.principal)
            .ok_or_else(|| {
                Failure::denied(format!(
                    "there is no grant {id} of {}",
                    client.caller.principal
                ))
                .hint("run the command again: a new elevation is asked for")
            })
    }

    async fn decide_again(&self, client: &Client, elevation: &Elevation) -> Result<()> {
        let request = &elevation.request;
        let ask = Ask {
            entitlement: request.entitlement.clone(),
            justification: request.justification.clone(),
            ttl: request.ttl,
            break_glass: request.break_glass,
            verb: request.verb.clone(),
            answerable: false,
        };
        let tier = self.catalogue.tier(&ask.entitlement)?;
        let decision = self.decide(client, &ask, tier);
        if decision.verdict == Verdict::Allow {
            return Ok(());
        }
        let mut event = self.event(EventKind::Denied, elevation, &client.origin);
        event.verdict = Some(decision.verdict);
        event.policies.clone_from(&decision.policies);
        event.detail.clone_from(&decision.reason);
        let append = Append::new(event).leaving(elevation)?;
        self.store.ledger().append(append).await?;
        Err(refusal(elevation, &decision))
    }
}
