//! How elevations ended, by the word of the ledger, and what outlives their end at a target.

use std::time::Duration;

use super::{Authority, Client};
use crate::{
    domain::{
        elevation::{Elevation, State},
        event::{Entry, Event, EventFilter, EventKind},
        failure::Result,
        id::GrantId,
        known::Outliving,
        principal::Principal,
        time::Timestamp,
    },
    issuers,
    protocol::elevation::{ElevationView, EndView},
};

/// For how long whoever asked is shown a request that people denied.
const SHOWN: Duration = Duration::from_hours(2);

/// The early end of an elevation.
struct End {
    at: Timestamp,
    /// Who ended it, where that was not whoever asked.
    by: Option<Principal>,
    /// Why, where that was said.
    why: Option<String>,
}

/// No credential lives longer.
const LONGEST: Duration = Duration::from_hours(24);

impl Authority {
    /// What the caller holds or waits for, and what people denied to them lately; the newest first.
    ///
    /// # Errors
    /// The store is away.
    pub async fn current(&self, client: &Client) -> Result<Vec<Elevation>> {
        let now = (self.clock)();
        let who = &client.caller.principal;
        let mut all = self.store.denied_since(who, now.before(SHOWN), now).await?;
        all.retain(|one| one.vote().is_some());
        all.extend(self.store.open_of(who, now).await?);
        all.retain(|one| client.owns(&one.request));
        all.sort_by(|one, other| other.request.id.cmp(&one.request.id));
        Ok(all)
    }

    /// How an elevation ended early; `None` where it did not.
    async fn end_of(&self, elevation: &Elevation) -> Result<Option<End>> {
        let kind = match elevation.state((self.clock)()) {
            State::Denied => EventKind::Denied,
            State::Revoked => EventKind::Revoked,
            State::Abandoned => EventKind::Abandoned,
            State::Pending | State::Granted | State::Expired => return Ok(None),
        };
        let last = self.last(&elevation.request.id, kind).await?;
        Ok(last.map(
            |Event {
                 at,
                 by,
                 detail,
                 verdict,
                 ..
             }| End {
                at,
                // What policy denies at the last yes was no decision of whoever said it.
                by: by.filter(|_| verdict.is_none()),
                why: detail,
            },
        ))
    }

    /// An elevation as whoever may see it is told of it, with how it ended.
    ///
    /// # Errors
    /// The store is away.
    pub async fn told_of(&self, elevation: &Elevation) -> Result<ElevationView> {
        let end = self.end_of(elevation).await?;
        Ok(ElevationView {
            ended: end.map(|end| EndView {
                at: end.at,
                by: end.by.as_ref().map(Principal::written),
                why: end.why,
            }),
            ..ElevationView::of(elevation, (self.clock)())
        })
    }

    /// Until when the newest credential of a grant works; `None` where none does any more.
    ///
    /// # Errors
    /// The store is away.
    pub async fn works_until(&self, id: &GrantId) -> Result<Option<Timestamp>> {
        let issued = self.last(id, EventKind::Issued).await?;
        let ends = issued.and_then(|event| event.expires_at);
        Ok(ends.filter(|ends| (self.clock)() < *ends))
    }

    /// The credentials that work although `who` was shut out by that time, which ended their grants: those whose
    /// targets cannot be told. `by` is the event that shut them out: they were disabled, or their enrolment was
    /// removed.
    ///
    /// # Errors
    /// The store is away.
    pub(super) async fn outliving(
        &self,
        who: &Principal,
        by: EventKind,
        at: Timestamp,
    ) -> Result<Vec<Outliving>> {
        let filter = EventFilter {
            kind: Some(EventKind::Revoked),
            // Also what an earlier time that they were disabled ended.
            since: Some(at.before(LONGEST)),
            until: Some(at.after(Duration::from_millis(1))),
            ..EventFilter::default()
        };
        let because = format!("{} {by}", who.written());
        let ended = self.store.ledger().list(&filter).await?;
        let mut outliving = Vec::new();
        for Entry { event, .. } in ended {
            let (Some(entitlement), true) =
                (event.entitlement, event.detail == Some(because.clone()))
            else {
                continue;
            };
            let resource = self.catalogue.resource(&entitlement.resource);
            if resource.is_ok_and(issuers::can_be_told) {
                continue;
            }
            if let Some(until) = self.works_until(&event.grant).await? {
                outliving.push(Outliving {
                    principal: event.principal,
                    entitlement,
                    until,
                });
            }
        }
        Ok(outliving)
    }

    /// The newest event of that kind about an elevation.
    async fn last(&self, id: &GrantId, kind: EventKind) -> Result<Option<Event>> {
        let filter = EventFilter {
            grant: Some(id.clone()),
            kind: Some(kind),
            limit: Some(1),
            ..EventFilter::default()
        };
        let entries = self.store.ledger().list(&filter).await?;
        Ok(entries.into_iter().next_back().map(|entry| entry.event))
    }
}
