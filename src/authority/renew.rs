//! The next credential under a live grant: prove → decide again → issue → record → answer.

use super::{
    Authority, Client,
    issue::{Issuance, Occasion},
};
use crate::{
    domain::{
        credential::{Credential, Token},
        elevation::Elevation,
        failure::{Failure, Nature, Result},
        id::GrantId,
    },
    store::ledger::overtaken,
};

impl Authority {
    /// A new credential under the grant that the token proves. Policy is asked again, so that a
    /// revocation or a change of policy bites within one credential's TTL.
    ///
    /// # Errors
    /// Denied (121): the token, its proof, the grant or policy say no.
    pub async fn renew(&self, client: &Client, token: &Token, proof: &str) -> Result<Credential> {
        let elevation = self.shown(client, token, proof).await?;
        let renewed = self.renew_shown(client, &elevation, token).await?;
        renewed.ok_or_else(overtaken)
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
        let renewed = Box::pin(self.renew_shown(client, &elevation, token));
        self.answer_once(client, renewed).await
    }

    async fn renew_shown(
        &self,
        client: &Client,
        elevation: &Elevation,
        token: &Token,
    ) -> Result<Option<Credential>> {
        let asked_at = (self.clock)();
        let grant = elevation.live(asked_at).ok_or_else(|| {
            let state = elevation.state(asked_at);
            Failure::denied(format!("the grant {} is {state}", elevation.request.id))
                .hint("run the command again: a new elevation is asked for")
                .of_nature(Nature::Ended)
        })?;
        let issuance = Issuance {
            elevation,
            grant,
            credential_ttl: self.decide_again(client, elevation).await?,
            asked_at,
            occasion: Occasion::Renewed { token },
        };
        let answer = Box::pin(self.issue(client, issuance)).await?;
        Ok(answer.map(|answer| answer.credential))
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
}
