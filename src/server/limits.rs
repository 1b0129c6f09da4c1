//! How much is taken from whom, before anything is made of it.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_LENGTH},
    middleware::Next,
    response::Response,
};
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use tokio::time::{interval, timeout};

use super::{
    listen::{Peer, network}, problem::Refusal, shared::Served};
use crate::{
    config::server::limits::Limits,
    domain::{failure::Failure, principal::Principal},
};

/// How long a request's body may be, in bytes.
const BODY: usize = 64 << 10;
/// How long it may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How often those are forgotten who have not come lately.
const SWEEP: Duration = Duration::from_mins(1);

/// Counts who comes how often.
pub(super) struct Gate {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    callers: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            addresses: DefaultKeyedRateLimiter::keyed(quota(limits.requests_per_address)),
            callers: DefaultKeyedRateLimiter::keyed(quota(limits.requests_per_caller)),
            clock: DefaultClock::default(),
        }
    }

    /// Refuses an address that comes too often.
    pub(super) fn address(&self, address: IpAddr) -> Result<(), Refusal> {
        let allowed = self.addresses.check_key(&network(address));
        allowed.map_err(|not| Refusal::too_often(not.wait_time_from(self.clock.now())))
    }

    /// Refuses a principal that comes too often.
    pub(super) fn caller(&self, principal: &Principal) -> Result<(), Refusal> {
        let allowed = self.callers.check_key(&principal.written());
        allowed.map_err(|not| Refusal::too_often(not.wait_time_from(self.clock.now())))
    }

    /// Forgets who has not come lately. Never ends.
    pub(super) async fn sweep(&self) {
        let mut sweeps = interval(SWEEP);
        loop {
            sweeps.tick().await;
            self.addresses.retain_recent();
            self.callers.retain_recent();
        }
    }
}

fn quota(per_second: u32) -> Quota {
    let rate = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(rate).allow_burst(rate.saturating_mul(NonZeroU32::MIN.saturating_add(1)))
}

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
    tokio::spawn(next.run(request)).await.map_err(|error| {
        Refusal::from(Failure::failed("a request was given up").because(&error))
    })
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
