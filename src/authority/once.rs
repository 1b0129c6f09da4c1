//! What is asked with a key: whoever lost the answer and asks again gets the same one, also at the same
//! time and at another replica, since the answer is kept by the commit that does it.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::{
    Answer, Authority, Client,
    answer::{Kept, granted, read, written},
    elevate::{Ask, Outcome},
    issued::Made,
    live_grant::LiveGrant,
    sessions::signed_out,
};
use crate::{
    domain::{
        credential::Credential,
        elevation::{Elevation, Grant, State},
        failure::{Code, Failure, Nature, Result},
        id::GrantId,
        time::Timestamp,
    },
    issuers,
    store::{
        answers::{self, IdempotencyKey, Noted},
        ledger::{Append, overtaken},
        spent,
    },
};

/// How often somebody who was overtaken looks again.
const ATTEMPTS: usize = 8;
/// How long whoever asked first is given to answer, before it counts as gone.
const GONE: Duration = Duration::from_secs(2);
const PULSE: Duration = Duration::from_millis(50);

impl Authority {
    /// Does it, or gives the answer that it had when it was done before. What is done keeps its answer
    /// by [`Authority::answered`] or [`Authority::made_once`]; what failed may be asked again.
    ///
    /// # Errors
    /// As those of what is done; usage, where the key was used for something else.
    pub(super) async fn once<T: DeserializeOwned>(
        &self,
        client: &Client,
        act: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(once) = &client.once else {
            return act.await;
        };
        if let Some(answer) = self.before(client, once).await? {
            return read(&answer);
        }
        let failure = match act.await {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        // Maybe because somebody who asked the same was first.
        match self.before(client, once).await {
            Ok(Some(answer)) => read(&answer),
            // The first request's answer exists and could not be read: asking again finds it.
            Err(away) if failure.nature == Nature::Conflict && away.nature == Nature::Away => {
                Err(away)
            }
            Ok(None) | Err(_) => Err(failure),
        }
    }

    /// What was answered under that key before.
    async fn before(
        &self,
        client: &Client,
        once: &IdempotencyKey,
    ) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let noted = self.store.noted(once, (self.clock)()).await?;
        let Some(noted) = noted else {
            return Ok(None);
        };
        if noted.request != once.request {
            return Err(reused());
        }
        if noted.answer.is_some() {
            self.spend(client).await?;
        }
        Ok(noted.answer)
    }

    /// What does it, with the answer to it: of two who ask the same, one is first.
    pub(super) fn answered(
        &self,
        append: Append,
        client: &Client,
        answer: &impl Serialize,
    ) -> Result<Append> {
        let Some(once) = &client.once else {
            return Ok(append);
        };
        let now = (self.clock)();
        let note = self.store.note(once, None, Some(&written(answer)?), now)?;
        Ok(append.with(note).only_if(answers::is_unanswered(once, now)))
    }

    /// What is written with the event of a credential: the answer to whoever asked for it, or that
    /// there was none.
    pub(super) fn made_once(
        &self,
        client: &Client,
        id: &GrantId,
        mut made: Made,
        answer: impl FnOnce(&Credential) -> Result<Zeroizing<Vec<u8>>>,
    ) -> Result<Made> {
        let Some(once) = &client.once else {
            return Ok(made);
        };
        if let Ok(credential) = &made.credential {
            let now = (self.clock)();
            let answer = answer(credential)?;
            let note = self.store.note(once, Some(id), Some(&answer), now)?;
            made.writes.push(note);
            made.guards.push(answers::is_unanswered(once, now));
        } else {
            made.writes.push(answers::take_back(once));
        }
        Ok(made)
    }

    /// Goes on alone, of those who ask the same, where a credential changes something at its target: two
    /// that are made at once would spoil each other there.
    pub(super) async fn alone(&self, client: &Client, grant: &Grant) -> Result<()> {
        let resource = self.catalogue.resource(&grant.entitlement.resource)?;
        let Some(once) = &client.once else {
            return Ok(());
        };
        if !issuers::reaches_out(resource) {
            return Ok(());
        }
        let noted = self.store.note_first(once, &grant.id, (self.clock)());
        if noted.await? || self.answer_of_another(once).await?.is_none() {
            return Ok(());
        }
        Err(overtaken())
    }

    /// An elevation, once for each key.
    pub(super) async fn elevate_once(
        &self,
        client: &Client,
        ask: &Ask,
        once: &IdempotencyKey,
    ) -> Result<Outcome> {
        // Most ask for the first time, which the commit of the first event looks after.
        let mut outcome = Box::pin(self.elevate_noted(client, ask)).await;
        let mut asked_twice = false;
        for _ in 0..ATTEMPTS {
            let Err(failure) = &outcome else { break };
            if failure.nature != Nature::Conflict || failure.code != Code::Denied {
                break;
            }
            outcome = match self.store.noted(once, (self.clock)()).await? {
                Some(noted) => Box::pin(self.again(client, ask, once, noted)).await,
                // It was taken back meanwhile; or it is not what stood in the way, and that still does.
                None if !asked_twice => {
                    asked_twice = true;
                    Box::pin(self.elevate_noted(client, ask)).await
                }
                None => break,
            };
        }
        outcome
    }

    async fn again(
        &self,
        client: &Client,
        ask: &Ask,
        once: &IdempotencyKey,
        noted: Noted,
    ) -> Result<Outcome> {
        if let Some(answer) = self.before(client, once).await? {
            return self.told(read(&answer)?).await.map(Outcome::from);
        }
        let Some(id) = noted.elevation else {
            return Err(Failure::failed("an answer was kept that cannot be read"));
        };
        let now = (self.clock)();
        let elevation = self.store.elevation(&id, now).await?;
        // What an idempotency key led to is nobody's word: it is how the elevation is found.
        let is_asked = |one: &Elevation| {
            client.owns(&one.request) && one.request.entitlement == ask.entitlement
        };
        let elevation = elevation.filter(is_asked).ok_or_else(|| absent(&id))?;
        if elevation.state(now) == State::Pending {
            return Ok(Outcome::Pending(Box::new(elevation)));
        }
        if elevation.is_unclaimed(now) {
            return self.try_claim(client, &id).await.map(Outcome::from);
        }
        if let Some(answer) = self.answer_of_another(once).await? {
            self.spend(client).await?;
            return self.told(read(&answer)?).await.map(Outcome::from);
        }
        self.take_over(client, elevation).await
    }

    /// What is told again is told for a proof of its own, which serves once at whichever replica.
    async fn spend(&self, client: &Client) -> Result<()> {
        let Some(proof) = &client.proof else {
            return Ok(());
        };
        let spent = self.store.write(&spent::spend(proof)).await;
        spent.map_err(|failure| {
            if failure.nature == Nature::Conflict {
                return signed_out("the proof of possession was shown before");
            }
            failure
        })
    }

    /// The answer of whoever asked first, if it comes.
    async fn answer_of_another(&self, once: &IdempotencyKey) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let start = (self.clock)();
        loop {
            let now: Timestamp = (self.clock)();
            let noted = self.store.noted(once, now).await?;
            match noted {
                Some(Noted { answer: None, .. }) if now.left(start) < GONE => sleep(PULSE).await,
                Some(noted) => return Ok(noted.answer),
                None => return Ok(None),
            }
        }
    }

    /// Whoever asked first is gone: a credential is made under the grant that was recorded for it.
    async fn take_over(&self, client: &Client, elevation: Elevation) -> Result<Outcome> {
        let now = (self.clock)();
        let id = &elevation.request.id;
        let grant = elevation.live(now).cloned().ok_or_else(|| {
            Failure::denied(format!("the grant {id} is {}", elevation.state(now)))
                .hint("run the command again: a new elevation is asked for")
        })?;
        // As for any credential but the first one, policy is asked again.
        let credential_ttl = self.decide_again(client, &elevation).await?;
        let live = LiveGrant {
            grant: &grant,
            credential_ttl,
            keeps_credential: client.keeps_credential,
        };
        let made = self.issue(client.key, &live).await;
        let token = self.token(&grant, client.holder).await?;
        let mut made = Made {
            is_first: true,
            ..Made::new(now, made)
        };
        // What cannot be made now may be made by whoever asks once more.
        if made.credential.is_ok() {
            made = self.made_once(client, id, made, |credential| {
                granted(&grant, &token, credential)
            })?;
        }
        let credential = self.record_issue(client, &elevation, made).await?;
        Ok(Outcome::given(elevation, grant, token, credential))
    }

    /// The first that is recorded of an elevation, with where that is by then; where it is asked once,
    /// with the key too, and with the answer if there is one already.
    pub(super) async fn noted(
        &self,
        append: Append,
        client: &Client,
        elevation: &Elevation,
        answer: Option<&Zeroizing<Vec<u8>>>,
    ) -> Result<Append> {
        let now = (self.clock)();
        let append = append.leaving(elevation, &self.store.voucher(now).await?)?;
        let Some(once) = &client.once else {
            return Ok(append);
        };
        let (id, answer) = (
            &elevation.request.id,
            answer.map(|answer| answer.as_slice()),
        );
        let note = self.store.note(once, Some(id), answer, now)?;
        Ok(append.with(note).only_if(answers::is_new(once, now)))
    }

    /// The answer that was kept, again.
    pub(super) async fn told(&self, kept: Kept) -> Result<(Elevation, Answer)> {
        match kept {
            Kept::Granted(kept) => {
                let (grant, token, credential) = *kept;
                let elevation = self.store.elevation(&grant.id, (self.clock)()).await?;
                let elevation = elevation.ok_or_else(|| absent(&grant.id))?;
                let answer = Answer {
                    grant,
                    token,
                    credential,
                };
                Ok((elevation, answer))
            }
            Kept::Denied {
                message,
                hint,
                is_unexplained,
            } => Err(Failure::denied(message)
                .hint(hint)
                .of_nature(if is_unexplained {
                    Nature::Unexplained
                } else {
                    Nature::Final
                })),
        }
    }
}

fn absent(id: &GrantId) -> Failure {
    Failure::failed(format!("the elevation {id} is not there"))
}

/// A key that stands for another request.
fn reused() -> Failure {
    Failure::usage("the idempotency key was used for another request")
        .hint("choose a new key for each request")
        .of_nature(Nature::Conflict)
}
