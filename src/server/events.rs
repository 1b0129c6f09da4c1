//! The ledger by cursor: all of it for whoever may audit, for everybody else what is their own.

use axum::{Json, extract::State};

use super::{
    authenticate::Visitor,
    body::Asked,
    problem::{Problems, Refusal},
    query,
    shared::Served,
};
use crate::{
    domain::{
        event::{Entry, EventFilter},
        failure::Failure,
        principal::Principal,
    },
    policy::vocabulary::Action,
    protocol::{
        event::{EventPage, Verification},
        path,
    },
};

/// A page of the ledger.
#[utoipa::path(
    get,
    path = path::EVENTS,
    params(query::Events),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "a page", body = EventPage), Problems),
)]
pub(super) async fn list(
    State(served): State<Served>,
    visitor: Visitor,
    Asked(wanted): Asked<query::Events>,
) -> Result<Json<EventPage>, Refusal> {
    let mut filter = wanted.filter()?;
    let own = visitor.principal();
    let is_all = served.authority.may(Action::Audit, &visitor.plain_client());
    if !is_all {
        filter.principal = Some(own.clone());
    }
    let mut events = served.authority.store.ledger().list(&filter).await?;
    if events.is_empty() && filter.after.is_none_or(|after| after == 0) {
        let unasked = EventFilter {
            principal: filter.principal.clone().filter(|_| is_all),
            ..filter.clone()
        };
        let catalogue = &served.authority.catalogue;
        let store = &served.authority.store;
        store.refuse_unknown_names(&unasked, catalogue).await?;
    }
    let is_full = u32::try_from(events.len()).is_ok_and(|many| Some(many) == filter.limit);
    let last = events.last().map(|entry| entry.seq);
    let next = last.filter(|_| is_full && filter.after.is_some());
    if !is_all {
        // A workload may have the name of a person, and two people an agent of one name each.
        let chain: Vec<Principal> = visitor.chain().cloned().collect();
        events.retain(|Entry { event, .. }| event.principal == *own && event.chain == chain);
    }
    Ok(Json(EventPage { events, next }))
}

/// Whether the ledger is whole.
#[utoipa::path(
    get,
    path = path::VERIFICATION,
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "whether it is whole", body = Verification), Problems),
)]
pub(super) async fn verify(
    State(served): State<Served>,
    visitor: Visitor,
) -> Result<Json<Verification>, Refusal> {
    if !served.authority.may(Action::Audit, &visitor.plain_client()) {
        let who = visitor.principal().written();
        return Err(
            Failure::denied(format!("no policy lets {who} audit this authority"))
                .hint("whoever may, is permitted `audit` by policy")
                .into(),
        );
    }
    Ok(Json(served.authority.store.audit().await?.verification))
}
