//! The ledger by cursor: all of it for whoever may audit, for everybody else what is their own.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{authenticate::Visitor, body::Asked, problem::Refusal, shared::Served};
use crate::{
    domain::{
        event::EventFilter,
        failure::{Failure, Result},
        time::Timestamp,
    },
    policy::vocabulary::Action,
    protocol::event::{EventPage, VerificationView},
    store::ledger::Verification,
};

/// How many entries a page has where nobody says otherwise, and at most.
const PAGE: u32 = 500;
const LARGEST: u32 = 1000;

/// Which entries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Behind this place.
    after: Option<i64>,
    /// So many at most, 1000 at a time; without `after` the newest so many.
    limit: Option<u32>,
    /// Of the principal of that name.
    principal: Option<String>,
    /// Of that resource, `kind/name`.
    resource: Option<String>,
    /// Of that role.
    role: Option<String>,
    /// Of that elevation or session.
    grant: Option<String>,
    /// From this instant on (RFC 3339).
    since: Option<String>,
    /// Before this instant.
    until: Option<String>,
}

impl Wanted {
    fn filter(self) -> Result<EventFilter> {
        // Only the newest of all are asked for without a place.
        let is_newest = self.after.is_none() && self.limit.is_some();
        Ok(EventFilter {
            after: (!is_newest).then(|| self.after.unwrap_or(0)),
            limit: Some(self.limit.unwrap_or(PAGE).clamp(1, LARGEST)),
            principal: self.principal,
            resource: self.resource,
            role: self.role,
            grant: self.grant.as_deref().map(str::parse).transpose()?,
            since: instant(self.since.as_deref())?,
            until: instant(self.until.as_deref())?,
        })
    }
}

fn instant(text: Option<&str>) -> Result<Option<Timestamp>> {
    let read = |text| {
        Timestamp::parse(text).ok_or_else(|| {
            Failure::usage(format!("{text:?} is no instant"))
                .hint("write it as 2026-11-22T10:00:00Z")
        })
    };
    text.map(read).transpose()
}

/// A page of the ledger.
pub(super) async fn list(
    State(served): State<Served>,
    visitor: Visitor,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<EventPage>, Refusal> {
    let mut filter = wanted.filter()?;
    let own = visitor.principal();
    let is_all = served.authority.may(Action::Audit, &visitor.plain_client());
    if !is_all {
        filter.principal = Some(own.name().to_owned());
    }
    let mut events = served.authority.store.ledger().list(&filter).await?;
    let is_full = u32::try_from(events.len()).is_ok_and(|many| Some(many) == filter.limit);
    let last = events.last().map(|entry| entry.seq);
    let next = last.filter(|_| is_full && filter.after.is_some());
    if !is_all {
        // A workload may have the name of a person.
        events.retain(|entry| entry.event.principal == *own);
    }
    Ok(Json(EventPage { events, next }))
}

/// Whether the ledger is whole.
pub(super) async fn verify(
    State(served): State<Served>,
    visitor: Visitor,
) -> Result<Json<VerificationView>, Refusal> {
    if !served.authority.may(Action::Audit, &visitor.plain_client()) {
        let who = visitor.principal().written();
        return Err(
            Failure::denied(format!("no policy lets {who} audit this authority"))
                .hint("whoever may, is permitted `audit` by policy")
                .into(),
        );
    }
    let verification = served.authority.store.ledger().verify().await?;
    Ok(Json(match verification {
        Verification::Whole { entries, head } => VerificationView::Whole { entries, head },
        Verification::Broken { entry, what } => VerificationView::Broken { entry, what },
    }))
}
