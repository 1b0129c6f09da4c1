//! The one step that makes credentials: make → record → let it leave. Elevations, claims after an approval,
//! renewals and repeated requests all issue here.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{Answer, Authority, Client, live_grant::LiveGrant, stored_answer};
use crate::{
    domain::{
        credential::{Credential, Token},
        elevation::{Elevation, Grant},
        event::{Event, EventKind},
        failure::{Failure, Result},
        time::Timestamp,
    },
    issuers,
    store::{
        ledger::{Actor, Append, Appended},
        steps,
    },
};

/// A live grant that a credential is made under.
pub(super) struct Issuance<'a> {
    /// The elevation as it stands once the credential was made.
    pub(super) elevation: &'a Elevation,
    /// Its grant.
    pub(super) grant: &'a Grant,
    /// `@credential_ttl` of the policies that allow it now.
    pub(super) credential_ttl: Option<Duration>,
    /// When the request came.
    pub(super) asked_at: Timestamp,
    /// Why it is made.
    pub(super) occasion: Occasion<'a>,
}

/// Why a credential is made.
pub(super) enum Occasion<'a> {
    /// The grant was decided just now. Its own record is still to be written.
    Granted(Box<Granted>),
    /// People approved it, and the client claims it for its key.
    Claimed {
        /// The elevation as it was read. Of two who claim it at the same time, one is first.
        before: &'a Elevation,
    },
    /// An earlier credential of the grant runs out.
    Renewed {
        /// The elevation token that the client showed.
        token: &'a Token,
    },
    /// The request that the grant was made for was cut off, and is repeated.
    Resumed,
}

/// The record of a grant that is not written yet.
pub(super) struct Granted {
    pub(super) record: Append,
    /// The event that operators are alerted of once it is written.
    pub(super) alert: Option<Event>,
}

impl Authority {
    /// Makes a credential and records it; only then does it leave. `None` where another request was first.
    ///
    /// # Errors
    /// The target does not make one (124, 125); the grant was revoked meanwhile (121); the ledger cannot be
    /// written (125).
    pub(super) async fn issue(
        &self,
        client: &Client,
        mut issuance: Issuance<'_>,
    ) -> Result<Option<Answer>> {
        let id = &issuance.grant.id;
        let resource = &issuance.grant.entitlement.resource;
        let reaches_out = issuers::reaches_out(self.catalogue.resource(resource)?);
        if let Occasion::Granted(granted) = &mut issuance.occasion {
            let record = granted.record.clone();
            let alert = granted.alert.take();
            let answer = if reaches_out {
                None
            } else {
                self.make(client, &issuance).await.ok()
            };
            // What is made in this process is recorded with its grant, in one commit. What reaches its target
            // is made after the grant is on the disk.
            let recorded = self.record_grant(client, &issuance, record, answer.as_ref());
            if recorded.await? == Appended::Overtaken {
                return Ok(None);
            }
            if let Some(event) = alert {
                self.alert(&event);
            }
            if answer.is_some() {
                return Ok(answer);
            }
        } else if reaches_out {
            let claimed = self.idempotency(client).claim_issuance(id);
            if claimed.await? == Appended::Overtaken {
                return Ok(None);
            }
        }
        match self.make(client, &issuance).await {
            Ok(answer) => self.record_issued(client, &issuance, answer).await,
            Err(failure) => self.record_failed(client, &issuance, failure).await,
        }
    }

    async fn make(&self, client: &Client, issuance: &Issuance<'_>) -> Result<Answer> {
        let live = LiveGrant {
            grant: issuance.grant,
            credential_ttl: issuance.credential_ttl,
            keeps_credential: client.keeps_credential,
        };
        let credential = self.make_credential(client.key, &live).await?;
        let grant = issuance.grant.clone();
        let token = match issuance.occasion {
            Occasion::Renewed { token } => token.clone(),
            Occasion::Granted(_) | Occasion::Claimed { .. } | Occasion::Resumed => {
                self.token(&grant, client.holder).await?
            }
        };
        Ok(Answer {
            grant,
            token,
            credential,
        })
    }

    /// Records a grant, with its first credential where that is made already.
    async fn record_grant(
        &self,
        client: &Client,
        issuance: &Issuance<'_>,
        mut record: Append,
        answer: Option<&Answer>,
    ) -> Result<Appended> {
        if let Some(answer) = answer {
            record = record.and(self.issued(client, issuance, Ok(&answer.credential)));
        }
        let stored = answer.map(stored_answer::granted).transpose()?;
        self.record_first(client, record, issuance.elevation, stored)
            .await
    }

    /// Writes the first record of an elevation, with the answer to its request where that is known already.
    pub(super) async fn record_first(
        &self,
        client: &Client,
        record: Append,
        elevation: &Elevation,
        answer: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Appended> {
        let voucher = self.store.voucher((self.clock)()).await?;
        let record = record.leaving(elevation, &voucher)?;
        let answer = answer.as_ref().map(|answer| answer.as_slice());
        let record = self.idempotency(client).begin(record, elevation, answer)?;
        self.store.ledger().append(record).await
    }

    /// Records a credential under a recorded grant, unless the grant was revoked while it was made.
    async fn record_issued(
        &self,
        client: &Client,
        issuance: &Issuance<'_>,
        answer: Answer,
    ) -> Result<Option<Answer>> {
        let id = &issuance.grant.id;
        let event = self.issued(client, issuance, Ok(&answer.credential));
        let append = match issuance.occasion {
            Occasion::Granted(_) => client.append_further(event),
            Occasion::Claimed { .. } | Occasion::Renewed { .. } | Occasion::Resumed => {
                client.append(event)
            }
        };
        let append = append.only_if(steps::is_unrevoked(issuance.elevation));
        let append = self.leaving(append, issuance, issuance.elevation).await?;
        let idempotency = self.idempotency(client);
        let append = idempotency.store_answer(append, Some(id), &issuance.stored(&answer)?)?;
        match self.store.ledger().append(append).await? {
            Appended::Written => Ok(Some(answer)),
            Appended::Overtaken => {
                self.refuse_revoked(client, id).await?;
                Ok(None)
            }
        }
    }

    /// Records that no credential was made.
    async fn record_failed(
        &self,
        client: &Client,
        issuance: &Issuance<'_>,
        failure: Failure,
    ) -> Result<Option<Answer>> {
        let event = self.issued(client, issuance, Err(&failure));
        let mut elevation = issuance.elevation.clone();
        let append = match &issuance.occasion {
            // Nothing was given, so nothing stays granted, whatever became of the client meanwhile.
            Occasion::Granted(_) => {
                let now = (self.clock)();
                if elevation.live(now).is_some() {
                    elevation.revoke(now)?;
                }
                Append::new(event, Actor::Authority)
            }
            Occasion::Claimed { before } => {
                elevation = (*before).clone();
                client.append(event)
            }
            Occasion::Renewed { .. } | Occasion::Resumed => client.append(event),
        };
        let mut append = self.leaving(append, issuance, &elevation).await?;
        // After a resumption the key stays, so that a further attempt finds the grant.
        if !matches!(issuance.occasion, Occasion::Resumed) {
            append = self.idempotency(client).release(append);
        }
        match self.store.ledger().append(append).await? {
            Appended::Written => Err(failure),
            Appended::Overtaken => Ok(None),
        }
    }

    /// With where the elevation is then, on the conditions of the occasion.
    async fn leaving(
        &self,
        append: Append,
        issuance: &Issuance<'_>,
        elevation: &Elevation,
    ) -> Result<Append> {
        let voucher = self.store.voucher((self.clock)()).await?;
        let append = append.leaving(elevation, &voucher)?;
        match issuance.occasion {
            Occasion::Claimed { before } => Ok(append.only_if(steps::is_still(before, &voucher)?)),
            Occasion::Granted(_) | Occasion::Renewed { .. } | Occasion::Resumed => Ok(append),
        }
    }

    /// The event of a credential that was made, or was not.
    fn issued(
        &self,
        client: &Client,
        issuance: &Issuance<'_>,
        made: Result<&Credential, &Failure>,
    ) -> Event {
        let kind = match made {
            Ok(_) => EventKind::Issued,
            Err(_) => EventKind::IssueFailed,
        };
        let mut event = self.event(kind, issuance.elevation, &client.origin);
        event.took_ms = self.took("issued", issuance.asked_at);
        match made {
            Ok(credential) => {
                event.credential = Some(credential.serial.clone());
                event.expires_at = Some(credential.expires_at);
            }
            Err(failure) => event.detail = Some(failure.to_string()),
        }
        event
    }
}

impl Issuance<'_> {
    /// What a repeated request is answered with: a renewal gives a credential alone.
    fn stored(&self, answer: &Answer) -> Result<Zeroizing<Vec<u8>>> {
        match self.occasion {
            Occasion::Renewed { .. } => stored_answer::written(&answer.credential),
            Occasion::Granted(_) | Occasion::Claimed { .. } | Occasion::Resumed => {
                stored_answer::granted(answer)
            }
        }
    }
}
