//! Signed heads of the ledger, for whoever wants to keep them: they say nothing but how many entries
//! there are, a hash, and when; an auditor or a witness needs no session for that.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;

use super::{
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    domain::failure::Failure,
    protocol::{
        checkpoint::{CheckpointView, Checkpoints},
        path,
    },
    store::checkpoints::Signed,
};

/// How many are given at once at most.
const MOST: u32 = 500;

/// Behind which one, and how many.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    /// Behind the checkpoint of so many entries; from the first one where it is absent.
    #[serde(default)]
    after: i64,
    /// So many at most; 500 at most.
    #[serde(default)]
    limit: Option<u32>,
    /// Only the newest one.
    #[serde(default)]
    newest: bool,
}

/// Lists them, the oldest first.
#[utoipa::path(
    get,
    path = path::CHECKPOINTS,
    params(
        ("after" = Option<i64>, Query, description = "behind the checkpoint of so many entries"),
        ("limit" = Option<u32>, Query, description = "so many at most; 500 at most"),
        ("newest" = Option<bool>, Query, description = "only the newest one"),
    ),
    responses((status = 200, description = "the oldest first", body = Checkpoints), Problems),
)]
pub(super) async fn list(
    State(served): State<Served>,
    cursor: Result<Query<Cursor>, QueryRejection>,
) -> Result<Json<Checkpoints>, Refusal> {
    let Query(cursor) = cursor.map_err(|error| {
        Failure::usage(format!("the query makes no sense: {error}"))
            .hint("/openapi.json describes it")
    })?;
    let authority = &served.authority;
    let limit = cursor.limit.unwrap_or(MOST).min(MOST);
    let found = if cursor.newest {
        Vec::from_iter(authority.store.newest_checkpoint().await?)
    } else {
        authority.store.checkpoints(cursor.after, limit).await?
    };
    let keys = authority.store.checkpoint_keys((authority.clock)()).await?;
    let checkpoints = found.into_iter().map(view).collect();
    Ok(Json(Checkpoints { keys, checkpoints }))
}

fn view(signed: Signed) -> CheckpointView {
    CheckpointView {
        seq: signed.checkpoint.seq,
        hash: signed.checkpoint.hash,
        at: signed.checkpoint.at,
        note: signed.note,
    }
}
