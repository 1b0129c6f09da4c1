//! Agents are let in on behalf of the caller.

use std::time::Duration;

use axum::{Json, extract::State};

use super::{
    authenticate::Visitor,
    body::Read,
    once::{self, Repeat},
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    authority::delegate::Delegation,
    protocol::{
        delegation::{DelegationRequest, DelegationView},
        path,
    },
};

/// Hands something on to an agent.
#[utoipa::path(
    post,
    path = path::DELEGATIONS,
    request_body = DelegationRequest,
    params(once::Header),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "the agent's session", body = DelegationView), Problems),
)]
pub(super) async fn begin(
    State(served): State<Served>,
    visitor: Visitor,
    repeat: Repeat,
    Read(wanted): Read<DelegationRequest>,
) -> Result<Json<DelegationView>, Refusal> {
    visitor.records(&served, 1)?;
    let client = repeat.of(visitor.plain_client());
    let delegation = Delegation {
        agent: wanted.to,
        only: wanted.only.into_iter().collect(),
        ttl: Duration::from_secs(wanted.ttl),
        holder: wanted.holder,
    };
    let (session, token) = served.authority.delegate(&client, &delegation).await?;
    Ok(Json(DelegationView {
        id: session.id,
        token,
        expires_at: session.expires_at,
    }))
}
