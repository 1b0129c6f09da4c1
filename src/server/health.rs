//! Whether this process is there, and whether it can do its work.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{problem::Refusal, shared::Served};
use crate::domain::failure::{Failure, Nature};

/// What is said of a server that is well.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`
    status: &'static str,
}

const WELL: Health = Health { status: "ok" };

/// The process answers.
pub(super) async fn healthz() -> Json<Health> {
    Json(WELL)
}

/// The database answers, and the server is not about to end.
pub(super) async fn readyz(State(served): State<Served>) -> Result<Json<Health>, Refusal> {
    if served.is_ending() {
        let failure = Failure::failed("the server is ending").of_nature(Nature::Away);
        return Err(Refusal::with(StatusCode::SERVICE_UNAVAILABLE, failure));
    }
    served.authority.store.answers().await?;
    Ok(Json(WELL))
}
