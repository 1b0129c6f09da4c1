//! What the caller could have, and what each entitlement takes.

use std::sync::Arc;

use axum::{Json, extract::State};

use super::{
    authenticate::Visitor,
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::protocol::{entitlement::EntitlementList, path};

/// What the caller could have.
#[utoipa::path(
    get,
    path = path::ENTITLEMENTS,
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "what the caller could have", body = EntitlementList), Problems),
)]
pub(super) async fn list(
    State(served): State<Served>,
    visitor: Visitor,
) -> Result<Json<EntitlementList>, Refusal> {
    let (shared, client) = (Arc::clone(&served), visitor.plain_client());
    let root = &visitor.root().caller.principal;
    let look = move || shared.authority.available(&client);
    let entitlements = served.gate.heavy.run(root, look).await?;
    Ok(Json(EntitlementList { entitlements }))
}
