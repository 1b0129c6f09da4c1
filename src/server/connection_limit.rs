//! How many connections are open at once: of all, and of each network. What is refused is counted and logged.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    client_address::{Origin, network},
    log_limit::LogLimit,
    metrics::Metrics,
};
use crate::{
    config::server::{limits::Limits, proxy::Proxy},
    platform::{clock, terminal},
};

/// Places that are kept for the proxies' own connections, so that their health checks are answered where clients have
/// taken all others.
const RESERVED: usize = 32;

/// Why a connection was refused, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Too many of its network are open.
    PerAddress,
    /// Too many are open.
    Full,
    /// A trusted proxy sent no PROXY header, or another one.
    ProxyHeader,
    /// It speaks plain HTTP.
    PlainHttp,
    /// The TLS handshake failed, or was not made in time.
    Handshake,
}

impl Cause {
    const fn as_str(self) -> &'static str {
        match self {
            Self::PerAddress => "per_address",
            Self::Full => "full",
            Self::ProxyHeader => "proxy_header",
            Self::PlainHttp => "plain_http",
            Self::Handshake => "handshake",
        }
    }
}

/// Counts open connections.
#[derive(Clone)]
pub(super) struct ConnectionLimiter(Arc<State>);

struct State {
    places: Arc<Semaphore>,
    reserved: Arc<Semaphore>,
    all: u32,
    of_one: u32,
    open: Mutex<BTreeMap<IpAddr, u32>>,
    metrics: Arc<Metrics>,
    log: LogLimit,
}

/// A place for a connection, before it is known whose it is.
pub(super) struct Place {
    is_reserved: bool,
    permit: OwnedSemaphorePermit,
}

/// A connection that is open, until this is dropped.
pub(super) struct ConnectionPermit {
    network: Option<IpAddr>,
    limiter: ConnectionLimiter,
    _place: OwnedSemaphorePermit,
}

impl ConnectionLimiter {
    pub(super) fn new(limits: &Limits, metrics: Arc<Metrics>) -> Self {
        let all = usize::try_from(limits.connections).unwrap_or(1);
        Self(Arc::new(State {
            places: Arc::new(Semaphore::new(all)),
            reserved: Arc::new(Semaphore::new(RESERVED)),
            all: limits.connections,
            of_one: limits.connections_per_address,
            open: Mutex::default(),
            metrics,
            log: LogLimit::default(),
        }))
    }

    /// Waits for a place. Where all are taken and there are proxies, one is taken of those that are kept for them.
    pub(super) async fn place(&self, proxy: Option<&Proxy>) -> Option<Place> {
        let common = |permit| Place {
            is_reserved: false,
            permit,
        };
        let places = || Arc::clone(&self.0.places);
        if let Ok(permit) = places().try_acquire_owned() {
            return Some(common(permit));
        }
        if proxy.is_none() {
            return places().acquire_owned().await.ok().map(common);
        }
        tokio::select! {
            permit = places().acquire_owned() => permit.ok().map(common),
            permit = Arc::clone(&self.0.reserved).acquire_owned() => permit.ok().map(|permit| Place {
                is_reserved: true,
                permit,
            }),
        }
    }

    /// Opens a connection, unless too many are open, of all or of its network. A proxy's own are not counted by
    /// network: it brings the requests of many.
    pub(super) fn open(&self, origin: Origin, place: Place) -> Option<ConnectionPermit> {
        let network = match origin {
            Origin::Proxy(_) => None,
            Origin::Client(address) if place.is_reserved => {
                self.refuse(Cause::Full, address);
                return None;
            }
            Origin::Client(address) => Some(network(address)),
        };
        if let Some(network) = network {
            let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
            let count = open.entry(network).or_default();
            if *count >= self.0.of_one {
                drop(open);
                self.refuse(Cause::PerAddress, origin.address());
                return None;
            }
            *count += 1;
        }
        self.0.metrics.connections.inc();
        Some(ConnectionPermit {
            network,
            limiter: self.clone(),
            _place: place.permit,
        })
    }

    /// Counts and logs a connection that is refused.
    pub(super) fn refuse(&self, cause: Cause, address: IpAddr) {
        self.0.metrics.refused_connection(cause.as_str());
        // Whoever breaks off a handshake is counted alone: every port scan does.
        if cause == Cause::Handshake {
            return;
        }
        if let Some(left_out) = self.0.log.admit(address, Instant::now()) {
            let line = json!({
                "at": clock::now(),
                "connection": "refused",
                "reason": cause.as_str(),
                "address": address,
                "left_out": left_out,
            });
            terminal::report(&line.to_string());
        }
    }

    /// Comes back once no connection is open but proxies' own.
    pub(super) async fn all_closed(&self) {
        drop(self.0.places.acquire_many(self.0.all).await);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let state = &self.limiter.0;
        state.metrics.connections.dec();
        let Some(network) = self.network else { return };
        let mut open = state.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                open.remove(&network);
            }
        }
    }
}
