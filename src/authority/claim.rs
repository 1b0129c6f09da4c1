//! The first credential after an approval: the client claims its grant for its key → decide again → issue →
//! record → answer.

use super::{
    Answer, Authority, Client,
    issue::{Issuance, Occasion},
    refusal::pending,
    stored_answer::Kept,
};
use crate::domain::{
    elevation::{Elevation, State},
    failure::{Failure, Result},
    id::GrantId,
};

impl Authority {
    /// The first credential after an approval, asked for by whoever asked for the elevation. The grant is
    /// bound to the key that it is claimed with.
    ///
    /// # Errors
    /// Denied (121): it is nobody's who asks, was claimed with another key, or policy says no by now.
    /// Pending (122): people have not answered yet.
    pub async fn claim(&self, client: &Client, id: &GrantId) -> Result<(Elevation, Answer)> {
        let claimed = Box::pin(async {
            let claimed = self.try_claim(client, id).await?;
            Ok(claimed.map(|(_, answer)| Kept::from(answer)))
        });
        self.answered(self.answer_once(client, claimed).await?)
            .await
    }

    pub(super) async fn try_claim(
        &self,
        client: &Client,
        id: &GrantId,
    ) -> Result<Option<(Elevation, Answer)>> {
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
        let issuance = Issuance {
            elevation: &elevation,
            grant: &grant,
            credential_ttl: self.decide_again(client, &before).await?,
            asked_at,
            occasion: Occasion::Claimed { before: &before },
        };
        let answer = Box::pin(self.issue(client, issuance)).await?;
        Ok(answer.map(|answer| (elevation, answer)))
    }
}
