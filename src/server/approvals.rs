//! What people say to requests of others.

use std::sync::Arc;

use axum::{Json, extract::State};

use super::{
    authenticate::Visitor,
    body::{Id, Read},
    once::{self, Repeat},
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    domain::failure::Failure,
    protocol::{
        approval::{Answer, ApprovalRequest},
        elevation::{ElevationList, ElevationView},
        path,
    },
};

/// The longest comment, in bytes.
const COMMENT: usize = 4096;
/// How many events an answer is recorded as, at most.
const EVENTS: u32 = 2;

/// What waits for the caller's approval, the oldest first.
#[utoipa::path(
    get,
    path = path::APPROVALS,
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "the oldest first", body = ElevationList), Problems),
)]
pub(super) async fn list(
    State(served): State<Served>,
    visitor: Visitor,
) -> Result<Json<ElevationList>, Refusal> {
    let authority = &served.authority;
    let pending = authority.store.pending((authority.clock)()).await?;
    let (shared, client) = (Arc::clone(&served), visitor.plain_client());
    let look = move || shared.authority.approvable(&client, pending);
    let root = &visitor.root().caller.principal;
    let waiting = served.gate.heavy.run(root, look).await?;
    let now = (authority.clock)();
    let views = waiting.iter().map(|one| ElevationView::of(one, now));
    Ok(Json(ElevationList {
        elevations: views.collect(),
    }))
}

/// Says yes or no to a request of somebody else.
#[utoipa::path(
    post,
    path = path::APPROVAL,
    request_body = ApprovalRequest,
    params(("id" = String, Path, description = "the elevation"), once::Header),
    security(("session" = [], "proof" = [])),
    responses((status = 200, description = "how it stands now", body = ElevationView), Problems),
)]
pub(super) async fn answer(
    State(served): State<Served>,
    visitor: Visitor,
    repeat: Repeat,
    Id(id): Id,
    Read(said): Read<ApprovalRequest>,
) -> Result<Json<ElevationView>, Refusal> {
    let comment = said.comment.as_deref();
    if comment.is_some_and(|comment| comment.len() > COMMENT || comment.contains('\0')) {
        return Err(Failure::usage("the comment is too long, or no text")
            .hint("make it shorter")
            .into());
    }
    visitor.records(&served, EVENTS)?;
    let authority = &served.authority;
    let client = repeat.of(visitor.plain_client());
    let elevation = match (said.answer, comment) {
        (Answer::Approve, comment) => authority.approve(&client, &id, comment).await?,
        (Answer::Deny, Some(comment)) => authority.refuse(&client, &id, comment).await?,
        (Answer::Deny, None) => {
            return Err(Failure::usage("whoever asked is told why it is denied")
                .hint("say why: jit deny ID -j WHY")
                .into());
        }
    };
    Ok(Json(ElevationView::of(&elevation, (authority.clock)())))
}
