//! Signed heads of the ledger, for whoever wants to keep them: they say nothing but how many entries
//! there are, a hash, and when; an auditor or a witness needs no session for that.

use axum::{Json, extract::State};

use super::{
    body::Asked,
    problem::{Problems, Refusal},
    query,
    shared::Served,
};
use crate::{
    protocol::{
        checkpoint::{CheckpointView, Checkpoints},
        path,
    },
    store::checkpoints::Signed,
};

/// How many are given at once at most.
const MOST: u32 = 500;

/// Lists them, the oldest first.
#[utoipa::path(
    get,
    path = path::CHECKPOINTS,
    params(query::Checkpoints),
    responses((status = 200, description = "the oldest first", body = Checkpoints), Problems),
)]
pub(super) async fn list(
    State(served): State<Served>,
    Asked(cursor): Asked<query::Checkpoints>,
) -> Result<Json<Checkpoints>, Refusal> {
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
