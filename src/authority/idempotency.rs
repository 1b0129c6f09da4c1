//! Idempotency keys (draft-ietf-httpapi-idempotency-key-header): a request that is repeated with its key gets the
//! answer that it had the first time, at any replica. The answer is stored by the commit that records what was
//! done, so that of two equal requests at the same time one is first.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::{Authority, Client, sessions::signed_out, stored_answer};
use crate::{
    domain::{
        elevation::Elevation,
        failure::{Failure, Nature, Result},
        id::GrantId,
        time::Timestamp,
    },
    store::{
        Store,
        answers::{self, IdempotencyKey, Noted},
        ledger::{Append, Appended, overtaken},
        spent,
    },
};

/// How long the first of two equal requests is given to answer, before it counts as gone.
const GONE: Duration = Duration::from_secs(2);
/// How often its answer is looked for meanwhile.
const PULSE: Duration = Duration::from_millis(50);

/// What the idempotency key of a request adds to what the request records: nothing where it has no key.
#[derive(Clone, Copy)]
pub(super) struct Idempotency<'a> {
    store: &'a Store,
    clock: fn() -> Timestamp,
    key: Option<&'a IdempotencyKey>,
}

impl Authority {
    /// What the client's idempotency key adds to its records.
    pub(super) fn idempotency<'a>(&'a self, client: &'a Client) -> Idempotency<'a> {
        Idempotency {
            store: &self.store,
            clock: self.clock,
            key: client.once.as_ref(),
        }
    }

    /// Does `act`, or gives the answer that it had when it was done under the same key before. `act` gives
    /// `None` where another request was first; what failed may be asked again.
    ///
    /// # Errors
    /// As those of `act`; usage, where the key was used for another request.
    pub(super) async fn answer_once<T: DeserializeOwned>(
        &self,
        client: &Client,
        act: impl Future<Output = Result<Option<T>>>,
    ) -> Result<T> {
        if client.once.is_none() {
            return act.await?.ok_or_else(overtaken);
        }
        if let Some(answer) = self.stored_answer(client).await? {
            return stored_answer::read(&answer);
        }
        let outcome = act.await;
        if let Ok(Some(done)) = outcome {
            return Ok(done);
        }
        // Maybe because an equal request was first.
        match self.stored_answer(client).await {
            Ok(Some(answer)) => stored_answer::read(&answer),
            // Its answer exists and cannot be read now: asking again finds it.
            Err(away) if outcome.is_ok() && away.nature == Nature::Away => Err(away),
            Ok(None) | Err(_) => Err(outcome.err().unwrap_or_else(overtaken)),
        }
    }

    /// The answer that an equal request had. Giving it again uses up the proof of this request.
    pub(super) async fn stored_answer(
        &self,
        client: &Client,
    ) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let Some(stored) = self.idempotency(client).stored().await? else {
            return Ok(None);
        };
        if let (Some(_), Some(proof)) = (&stored.answer, &client.proof) {
            let spent = self.store.write(&spent::spend(proof)).await;
            spent.map_err(|failure| {
                if failure.nature == Nature::Conflict {
                    return signed_out("the proof of possession was shown before");
                }
                failure
            })?;
        }
        Ok(stored.answer)
    }
}

impl Idempotency<'_> {
    /// What is known of the key.
    ///
    /// # Errors
    /// Usage: it was used for another request.
    pub(super) async fn stored(self) -> Result<Option<Noted>> {
        let Some(key) = self.key else {
            return Ok(None);
        };
        let stored = self.store.noted(key, (self.clock)()).await?;
        if stored
            .as_ref()
            .is_some_and(|stored| stored.request != key.request)
        {
            return Err(reused());
        }
        Ok(stored)
    }

    /// The first record of an elevation: with the key, which must be new, and with the answer where that is
    /// known already.
    pub(super) fn begin(
        self,
        append: Append,
        elevation: &Elevation,
        answer: Option<&[u8]>,
    ) -> Result<Append> {
        let Some(key) = self.key else {
            return Ok(append);
        };
        let now = (self.clock)();
        let id = &elevation.request.id;
        let note = self.store.note(key, Some(id), answer, now)?;
        Ok(append.with(note).only_if(answers::is_new(key, now)))
    }

    /// The record of what was asked for, with the answer.
    pub(super) fn finish(self, append: Append, answer: &impl Serialize) -> Result<Append> {
        if self.key.is_none() {
            return Ok(append);
        }
        self.store_answer(append, None, &stored_answer::written(answer)?)
    }

    /// The same for the credential of an elevation.
    pub(super) fn store_answer(
        self,
        append: Append,
        elevation: Option<&GrantId>,
        answer: &[u8],
    ) -> Result<Append> {
        let Some(key) = self.key else {
            return Ok(append);
        };
        let now = (self.clock)();
        let note = self.store.note(key, elevation, Some(answer), now)?;
        Ok(append.with(note).only_if(answers::is_unanswered(key, now)))
    }

    /// The record of a failure: the key may be used again.
    pub(super) fn release(self, append: Append) -> Append {
        match self.key {
            Some(key) => append.with(answers::take_back(key)),
            None => append,
        }
    }

    /// Makes one of equal requests go on where making a credential changes something at its target, which two
    /// at the same time would spoil for each other. The others wait for its answer, for [`GONE`] at most.
    pub(super) async fn claim_issuance(self, elevation: &GrantId) -> Result<Appended> {
        let Some(key) = self.key else {
            return Ok(Appended::Written);
        };
        let is_first = self.store.note_first(key, elevation, (self.clock)());
        if is_first.await? || self.await_answer(key).await?.is_none() {
            return Ok(Appended::Written);
        }
        Ok(Appended::Overtaken)
    }

    /// The answer of the equal request that is being answered, if it comes.
    async fn await_answer(self, key: &IdempotencyKey) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let start = (self.clock)();
        loop {
            let now: Timestamp = (self.clock)();
            match self.store.noted(key, now).await? {
                Some(Noted { answer: None, .. }) if now.left(start) < GONE => sleep(PULSE).await,
                Some(stored) => return Ok(stored.answer),
                None => return Ok(None),
            }
        }
    }
}

/// A key that stands for another request.
fn reused() -> Failure {
    Failure::usage("the idempotency key was used for another request")
        .hint("choose a new key for each request")
        .of_nature(Nature::Conflict)
}
