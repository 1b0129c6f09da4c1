//! What became of making a credential, as it is recorded.

use super::{Authority, Client};
use crate::{
    domain::{
        credential::Credential,
        elevation::Elevation,
        event::{Event, EventKind},
        failure::{Failure, Nature, Result},
        time::Timestamp,
    },
    store::{
        database::Statement,
        ledger::{Actor, Append},
        steps,
    },
};

/// What came of making a credential.
pub(super) struct Made {
    /// When it was asked for.
    pub(super) asked_at: Timestamp,
    /// The credential, or why there is none.
    pub(super) credential: Result<Credential>,
    /// What must hold when it is recorded.
    pub(super) guards: Vec<Statement>,
    /// Whether it is the first that is recorded of the request, which serves once and only in a session.
    pub(super) is_first: bool,
    /// What else is written with its event.
    pub(super) writes: Vec<Statement>,
}

impl Made {
    pub(super) const fn new(asked_at: Timestamp, credential: Result<Credential>) -> Self {
        Self {
            asked_at,
            credential,
            guards: Vec::new(),
            is_first: false,
            writes: Vec::new(),
        }
    }
}

impl Authority {
    /// Records what became of making a credential. Only after this it may leave; not where the grant
    /// was revoked while it was made.
    pub(super) async fn record_issue(
        &self,
        client: &Client,
        elevation: &Elevation,
        made: Made,
    ) -> Result<Credential> {
        let Made {
            asked_at,
            credential: made,
            guards,
            is_first,
            writes,
        } = made;
        let event = self.issued(client, elevation, asked_at, made.as_ref());
        let voucher = self.store.voucher((self.clock)()).await?;
        let append = match &made {
            _ if is_first => client.append(event),
            Ok(_) => client.append_further(event),
            // That nothing was given is recorded, whatever became of the client meanwhile.
            Err(_) => Append::new(event, Actor::Authority),
        };
        let append = append.leaving(elevation, &voucher)?;
        let append = writes.into_iter().fold(append, Append::with);
        let append = guards.into_iter().fold(append, Append::only_if);
        if made.is_err() {
            self.store.ledger().append(append).await?;
            return made;
        }
        let append = append.only_if(steps::is_unrevoked(elevation));
        match self.store.ledger().append(append).await {
            Err(failure) if failure.nature == Nature::Conflict => {
                self.refuse_revoked(client, &elevation.request.id).await?;
                Err(failure)
            }
            Err(failure) => Err(failure),
            Ok(()) => made,
        }
    }

    /// The event of what became of making a credential.
    pub(super) fn issued(
        &self,
        client: &Client,
        elevation: &Elevation,
        asked_at: Timestamp,
        made: Result<&Credential, &Failure>,
    ) -> Event {
        let kind = match made {
            Ok(_) => EventKind::Issued,
            Err(_) => EventKind::IssueFailed,
        };
        let mut event = self.event(kind, elevation, &client.origin);
        event.took_ms = self.took("issued", asked_at);
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
