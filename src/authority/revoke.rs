//! The early end of a grant, recorded first and then told to the target; and the tidying after
//! grants that ended by themselves.

use super::{Authority, Client};
use crate::{
    domain::{
        elevation::{Elevation, Grant, State},
        entitlement::Entitlement,
        event::{Entry, EventFilter, EventKind, Origin},
        failure::{Failure, Nature, Result},
        id::GrantId,
        principal::Principal,
        time::Timestamp,
    },
    issuers::{self, order::Revocation},
    policy::vocabulary::Action,
    store::{
        ledger::{Actor, Append, Appended, overtaken},
        steps,
    },
};

impl Authority {
    /// Ends a grant of the client. Revoking one that is revoked tells the target again.
    ///
    /// # Errors
    /// There is no such grant of this client, it is over already, or the target cannot be told:
    /// then the grant is ended here all the same, and no credential under it is renewed.
    pub async fn revoke(&self, client: &Client, id: &GrantId) -> Result<Revocation> {
        let elevation = self
            .own(&client.caller.principal, &client.chain(), id)
            .await?;
        self.end_grant(client, elevation, None).await
    }

    /// Ends an elevation: the caller's own grant or request, or where policy permits `revoke`, the grant
    /// of somebody else. `None` where it was a request that is given up.
    ///
    /// # Errors
    /// As those of [`Authority::revoke`].
    pub async fn end(&self, client: &Client, id: &GrantId) -> Result<Option<Revocation>> {
        let now = (self.clock)();
        let elevation = self.visible(client, id).await?;
        let own = client.owns(&elevation.request);
        if own && elevation.state(now) == State::Pending {
            return self.give_up(client, &elevation, now).await.map(|()| None);
        }
        // Whoever lost the answer asks again.
        if own && elevation.state(now) == State::Abandoned {
            return Ok(None);
        }
        if !own && !self.permits(Action::Revoke, client, &elevation) {
            return Err(Failure::denied(format!("no policy lets you end {id}"))
                .hint("whoever may, is permitted `revoke` by policy"));
        }
        let by = (!own).then(|| client.caller.principal.clone());
        self.end_grant(client, elevation, by).await.map(Some)
    }

    async fn give_up(&self, client: &Client, pending: &Elevation, now: Timestamp) -> Result<()> {
        let mut given_up = pending.clone();
        given_up.abandon(now)?;
        let event = self.event(EventKind::Abandoned, &given_up, &client.origin);
        let voucher = self.store.voucher(now).await?;
        let append = client
            .append(event)
            .leaving(&given_up, &voucher)?
            .only_if(steps::is_still(pending, &voucher)?);
        if self.store.ledger().append(append).await? == Appended::Written {
            return Ok(());
        }
        let found = self.visible(client, &pending.request.id).await?;
        let is_given_up = found.state(now) == State::Abandoned;
        is_given_up.then_some(()).ok_or_else(overtaken)
    }

    async fn end_grant(
        &self,
        client: &Client,
        mut elevation: Elevation,
        by: Option<Principal>,
    ) -> Result<Revocation> {
        let now = (self.clock)();
        let id = &elevation.request.id;
        // The grant as it was: what the target knows.
        let grant = elevation.grant_made().cloned().ok_or_else(|| {
            Failure::usage(format!("{id} is {}, not granted", elevation.state(now)))
                .hint("\"jit status\" lists what you hold")
        })?;
        if elevation.state(now) != State::Revoked {
            elevation.revoke(now)?;
            let mut event = self.event(EventKind::Revoked, &elevation, &client.origin);
            event.by = by;
            let voucher = self.store.voucher(now).await?;
            let append = client
                .append(event)
                .leaving(&elevation, &voucher)?
                .only_if(steps::is_unrevoked(&elevation));
            // Another request revoked it first, or the caller was shut out.
            if self.store.ledger().append(append).await? == Appended::Overtaken
                && !self.is_revoked(&grant.id).await?
            {
                return Err(overtaken());
            }
        }
        self.end_at_target(&elevation, &grant, &client.origin).await
    }

    async fn is_revoked(&self, id: &GrantId) -> Result<bool> {
        let now = (self.clock)();
        let found = self.store.elevation(id, now).await?;
        Ok(found.is_some_and(|one| one.state(now) == State::Revoked))
    }

    /// The principal's live grants: their ids, and what they are for.
    pub async fn live(&self, principal: &Principal) -> Result<Vec<(GrantId, Entitlement)>> {
        let live = self.store.live(principal, (self.clock)()).await?;
        let requests = live.into_iter().map(|one| one.request);
        Ok(requests
            .map(|request| (request.id, request.entitlement))
            .collect())
    }

    /// Whether grants that are over have left something at their targets.
    pub async fn has_leftovers(&self) -> Result<bool> {
        let over = self.store.unsettled((self.clock)()).await?;
        Ok(!over.is_empty())
    }

    /// Removes what grants that are over have left at their targets; how many were tidied.
    pub async fn tidy(&self, origin: &Origin) -> Result<usize> {
        let over = self.store.unsettled((self.clock)()).await?;
        let mut tidied = 0;
        for elevation in over {
            if let Some(grant) = elevation.grant_made() {
                // One target that is down must not keep the others from being tidied, nor fill the
                // ledger: that it could not be told is said once.
                match self.tell(grant).await {
                    Ok(_) => tidied += 1,
                    Err(failure) if !self.has_failed(&grant.id).await? => {
                        self.record_failure(&elevation, &failure, origin).await?;
                    }
                    Err(_) => {}
                }
            }
        }
        Ok(tidied)
    }

    /// Refuses a grant that was revoked while a credential was made under it. The revocation may have
    /// come to the target before the credential did, so it is told again.
    pub(super) async fn refuse_revoked(&self, client: &Client, id: &GrantId) -> Result<()> {
        let now = (self.clock)();
        let kept = self.store.elevation(id, now).await?;
        let revoked = kept.filter(|kept| kept.state(now) == State::Revoked);
        let Some(elevation) = revoked else {
            return Ok(());
        };
        if let Some(grant) = elevation.grant_made() {
            // Where it cannot be told now, it is left to tidying.
            drop(self.end_at_target(&elevation, grant, &client.origin).await);
        }
        Err(Failure::denied(format!("the grant {id} was revoked"))
            .hint("run the command again: a new elevation is asked for")
            .of_nature(Nature::Ended))
    }

    async fn end_at_target(
        &self,
        elevation: &Elevation,
        grant: &Grant,
        origin: &Origin,
    ) -> Result<Revocation> {
        match self.tell(grant).await {
            Ok(revocation) => Ok(revocation),
            Err(failure) => {
                self.record_failure(elevation, &failure, origin).await?;
                // Where the catalogue does not say any longer where it is, nobody can be told.
                if self
                    .catalogue
                    .resource(&grant.entitlement.resource)
                    .is_err()
                {
                    return Ok(Revocation::EndsByItself);
                }
                Err(Failure {
                    hint: format!(
                        "no new credential is given; try again: jit revoke {}",
                        grant.id
                    ),
                    ..failure
                })
            }
        }
    }

    /// Ends a grant at its target, and notes that nothing of it is left there.
    async fn tell(&self, grant: &Grant) -> Result<Revocation> {
        let resource = self.catalogue.resource(&grant.entitlement.resource)?;
        let site = self.site(None);
        let revocation = issuers::revoke(resource, grant, &site).await?;
        self.store.settle(&grant.id).await?;
        Ok(revocation)
    }

    async fn record_failure(
        &self,
        elevation: &Elevation,
        failure: &Failure,
        origin: &Origin,
    ) -> Result<()> {
        let mut event = self.event(EventKind::RevokeFailed, elevation, origin);
        event.detail = Some(failure.to_string());
        // The target's answer, whoever asked it.
        let append = Append::new(event, Actor::Authority);
        self.store.ledger().append(append).await?.or_conflict()
    }

    async fn has_failed(&self, id: &GrantId) -> Result<bool> {
        let filter = EventFilter {
            grant: Some(id.clone()),
            ..EventFilter::default()
        };
        let entries = self.store.ledger().list(&filter).await?;
        let failed = |entry: &Entry| entry.event.kind == EventKind::RevokeFailed;
        Ok(entries.iter().any(failed))
    }
}
