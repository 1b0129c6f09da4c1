//! What is asked with a key: whoever lost the answer and asks again gets the same one, and where the
//! process ended in between, a credential under that same grant.

use std::time::Duration;

use tokio::time::sleep;
use zeroize::Zeroizing;

use super::{
    Authority, Client, Made,
    answer::{Kept, granted},
    elevate::{Ask, Outcome},
    sessions::signed_out,
};
use crate::{
    domain::{
        credential::{Credential, Token},
        elevation::{Elevation, Grant, State},
        failure::{Code, Failure, Nature, Result},
        id::GrantId,
        time::Timestamp,
    },
    store::{
        answers::{self, IdempotencyKey, Noted},
        database::Statement,
        ledger::Append,
        spent,
    },
};

/// How often somebody who was overtaken looks again.
const ATTEMPTS: usize = 8;
/// How long whoever asked first is given to answer, before it counts as gone.
const GONE: Duration = Duration::from_secs(2);
const PULSE: Duration = Duration::from_millis(50);

impl Authority {
    /// The same as [`Authority::elevate`], once for each key: asking again gives the same answer.
    ///
    /// # Errors
    /// As those of [`Authority::elevate`]; usage, where the key was used for something else
    /// ([`Nature::Conflict`]).
    pub async fn elevate_once(
        &self,
        client: &Client,
        ask: &Ask,
        once: &IdempotencyKey,
    ) -> Result<Outcome> {
        // Most ask for the first time, which the commit of the first event looks after.
        let (mut noted, mut overtaken) = (None, None);
        for _ in 0..ATTEMPTS {
            let outcome = match noted {
                None => Box::pin(self.elevate_noted(client, ask, Some(once))).await,
                Some(noted) => Box::pin(self.again(client, ask, once, noted)).await,
            };
            match outcome {
                Err(failure)
                    if failure.nature == Nature::Conflict && failure.code == Code::Denied =>
                {
                    overtaken = Some(failure);
                    noted = self.store.noted(once, (self.clock)()).await?;
                }
                outcome => return outcome,
            }
        }
        Err(overtaken.unwrap_or_else(|| Failure::failed("nothing came of asking")))
    }

    async fn again(
        &self,
        client: &Client,
        ask: &Ask,
        once: &IdempotencyKey,
        noted: Noted,
    ) -> Result<Outcome> {
        if noted.request != once.request {
            return Err(reused());
        }
        if let Some(answer) = &noted.answer {
            self.spend(client).await?;
            return self.told(answer).await;
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
        if elevation.state(now) == State::Pending || elevation.is_unclaimed(now) {
            return self.elevate(client, ask).await;
        }
        if let Some(answer) = self.answer_of_another(once).await? {
            self.spend(client).await?;
            return self.told(&answer).await;
        }
        self.take_over(client, &elevation, once).await
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
    async fn take_over(
        &self,
        client: &Client,
        elevation: &Elevation,
        once: &IdempotencyKey,
    ) -> Result<Outcome> {
        let now = (self.clock)();
        let id = &elevation.request.id;
        let grant = elevation.live(now).cloned().ok_or_else(|| {
            Failure::denied(format!("the grant {id} is {}", elevation.state(now)))
                .hint("run the command again: a new elevation is asked for")
        })?;
        // As for any credential but the first one, policy is asked again.
        self.decide_again(client, elevation).await?;
        let made = self.issue(&grant, client.key).await;
        let token = self.token(&grant, client.holder).await?;
        // What cannot be made now may be made by whoever asks once more.
        let made = Made {
            guard: Some(answers::is_open(once)),
            writes: match &made {
                Ok(credential) => vec![self.answered(once, &grant, (&token, credential))?],
                Err(_) => Vec::new(),
            },
            is_first: true,
            ..Made::new(now, made)
        };
        let credential = self.record_issue(client, elevation, made).await?;
        let elevation = elevation.clone();
        Ok(Outcome::given(elevation, grant, token, credential))
    }

    /// What is written with the event of a first credential.
    pub(super) fn made_once(
        &self,
        once: &IdempotencyKey,
        grant: &Grant,
        token: &Token,
        made: Made,
    ) -> Result<Made> {
        Ok(match &made.credential {
            Ok(credential) => Made {
                guard: Some(answers::is_open(once)),
                writes: vec![self.answered(once, grant, (token, credential))?],
                ..made
            },
            Err(_) => Made {
                writes: vec![answers::take_back(once)],
                ..made
            },
        })
    }

    /// The first that is recorded of an elevation, with where that is by then; where it is asked `once`,
    /// with the key too, and with the answer if there is one already.
    pub(super) async fn noted(
        &self,
        append: Append,
        once: Option<&IdempotencyKey>,
        elevation: &Elevation,
        answer: Option<&Zeroizing<Vec<u8>>>,
    ) -> Result<Append> {
        let now = (self.clock)();
        let append = append.leaving(elevation, &self.store.voucher(now).await?)?;
        let Some(once) = once else {
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
    async fn told(&self, answer: &[u8]) -> Result<Outcome> {
        let kept = serde_json::from_slice(answer).map_err(|error| {
            Failure::failed("an answer in the store cannot be read").because(&error)
        })?;
        match kept {
            Kept::Granted(kept) => {
                let (grant, token, credential) = *kept;
                let elevation = self.store.elevation(&grant.id, (self.clock)()).await?;
                let elevation = elevation.ok_or_else(|| absent(&grant.id))?;
                Ok(Outcome::given(elevation, grant, token, credential))
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

    fn answered(
        &self,
        once: &IdempotencyKey,
        grant: &Grant,
        (token, credential): (&Token, &Credential),
    ) -> Result<Statement> {
        self.store.keep(once, &granted(grant, token, credential)?)
    }
}

fn absent(id: &GrantId) -> Failure {
    Failure::failed(format!("the elevation {id} is not there"))
}

/// A key that stands for another request.
pub fn reused() -> Failure {
    Failure::usage("the idempotency key was used for another request")
        .hint("choose a new key for each request")
        .of_nature(Nature::Conflict)
}
