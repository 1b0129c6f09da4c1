//! What a request may be, before anything is made of it: its size and its time.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_LENGTH},
    middleware::Next,
    response::Response,
};
use tokio::time::timeout;

use super::{listen::Peer, problem::Refusal, shared::Served};
use crate::domain::failure::Failure;

/// How long a request's body may be, in bytes.
const BODY: usize = 64 << 10;
/// How long it may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Takes a request whole, in its time, and answers it on a task of its own: who hangs up, or comes upon
/// a fault of ours, leaves nothing half done.
pub(super) async fn guard(
    State(served): State<Served>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if let Some(Peer(address)) = request.extensions().get() {
        served.gate.address(*address)?;
    }
    let request = whole(request).await?;
    tokio::spawn(next.run(request))
        .await
        .map_err(|error| Refusal::from(Failure::failed("a request was given up").because(&error)))
}

async fn whole(request: Request) -> Result<Request, Refusal> {
    let (parts, body) = request.into_parts();
    let announced = parts.headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > BODY) {
        return Err(too_large());
    }
    match timeout(BODY_TIME, to_bytes(body, BODY)).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Refusal::with(
            StatusCode::REQUEST_TIMEOUT,
            Failure::usage("the request did not come in time").hint("send it again"),
        )),
    }
}

fn too_large() -> Refusal {
    Refusal::with(
        StatusCode::PAYLOAD_TOO_LARGE,
        Failure::usage(format!("a request has {BODY} bytes at most")).hint("send less"),
    )
}
