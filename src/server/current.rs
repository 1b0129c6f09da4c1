//! What requests are answered with. Reading the configuration again replaces it as a whole: a request sees
//! all of the former configuration, or all of the new one.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{Router, extract::Request};
use tower::{Service as _, service_fn};

use super::{routes, shared::Served};

/// What requests are answered with now. Cloning shares it.
#[derive(Clone)]
pub(super) struct Current(Arc<RwLock<Answering>>);

/// The server of one configuration, and its routes.
struct Answering {
    served: Served,
    all: Router,
    probes: Router,
}

impl Answering {
    fn new(served: Served) -> Self {
        Self {
            all: routes::all(Arc::clone(&served)),
            probes: routes::probes(Arc::clone(&served)),
            served,
        }
    }
}

impl Current {
    pub(super) fn new(served: Served) -> Self {
        Self(Arc::new(RwLock::new(Answering::new(served))))
    }

    /// What is served now.
    pub(super) fn served(&self) -> Served {
        self.with(|answering| Arc::clone(&answering.served))
    }

    /// Replaces it; what is being answered is answered with what was there.
    pub(super) fn replace(&self, served: Served) {
        let answering = Answering::new(served);
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = answering;
    }

    /// Routes that lead each request to what is served when it comes.
    pub(super) fn router(&self) -> Router {
        self.leading(|answering| answering.all.clone())
    }

    /// The same for the probes.
    pub(super) fn probes(&self) -> Router {
        self.leading(|answering| answering.probes.clone())
    }

    fn leading(&self, to: fn(&Answering) -> Router) -> Router {
        let current = self.clone();
        Router::new().fallback_service(service_fn(move |request: Request| {
            current.with(to).call(request)
        }))
    }

    fn with<T>(&self, see: impl FnOnce(&Answering) -> T) -> T {
        see(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
