//! Whether this process is there, whether it can do its work, and what it counted.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::{
    metrics::MEDIA_TYPE,
    problem::{Problems, Refusal},
    shared::Served,
};
use crate::{
    domain::failure::{Failure, Nature},
    protocol::{health::Readiness, path},
};

/// What is said of a process that is there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`
    status: &'static str,
}

/// How long the database has to answer.
const SOON: Duration = Duration::from_secs(2);

const WELL: Health = Health { status: "ok" };

/// The process answers.
#[utoipa::path(
    get,
    path = path::HEALTHZ,
    responses((status = 200, description = "it is there", body = Health), Problems),
)]
pub(super) async fn healthz() -> Json<Health> {
    Json(WELL)
}

/// The database answers and takes writes, and the server is not about to end.
#[utoipa::path(
    get,
    path = path::READYZ,
    responses((status = 200, description = "it can", body = Readiness), Problems),
)]
pub(super) async fn readyz(State(served): State<Served>) -> Result<Json<Readiness>, Refusal> {
    if served.is_ending() {
        let failure = Failure::failed("the server is ending").of_nature(Nature::Away);
        return Err(Refusal::with(StatusCode::SERVICE_UNAVAILABLE, failure));
    }
    // Whoever asks does not wait for as long as a request would.
    let Ok(answered) = timeout(SOON, served.authority.store.answers()).await else {
        let failure = Failure::failed("the database does not answer").of_nature(Nature::Away);
        return Err(failure.into());
    };
    answered?;
    let now = (served.authority.clock)();
    let Ok(written) = timeout(SOON, served.authority.store.takes_writes(now)).await else {
        let failure =
            Failure::failed("the database does not answer a write").of_nature(Nature::Away);
        return Err(failure.into());
    };
    written.map_err(|failure| failure.of_nature(Nature::Away))?;
    Ok(Json(Readiness {
        status: WELL.status.to_owned(),
        policy_digest: served.digests.policies.clone(),
        catalogue_digest: served.digests.catalogue.clone(),
        differing_replicas: served.replicas.differing(),
    }))
}

/// Looks at what the database has. Where it is away, what was seen last is shown, and the other counters tell.
async fn look(served: &Served) {
    let authority = &served.authority;
    let now = (authority.clock)();
    let looked = timeout(SOON, async {
        let counts = authority.store.counts(now).await?;
        let pending = authority.store.pending(now).await?;
        Ok::<_, Failure>((counts, pending))
    });
    if let Ok(Ok((counts, pending))) = looked.await {
        let oldest = pending.iter().map(|one| one.request.asked_at).min();
        let waited = oldest.map_or(Duration::ZERO, |oldest| now.left(oldest));
        served.metrics.counted(&counts, waited);
    }
    served.metrics.policies(&authority.policies.digest);
}

/// The counters, for whoever collects them.
#[utoipa::path(
    get,
    path = path::METRICS,
    responses((status = 200, description = "the counters", body = String, content_type = "application/openmetrics-text"), Problems),
)]
pub(super) async fn metrics(State(served): State<Served>) -> Result<Response, Refusal> {
    look(&served).await;
    let text = served.metrics.text()?;
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}
