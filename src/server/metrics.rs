//! What is counted, in the OpenMetrics text format (`/metrics`). Labels are routes, statuses and verdicts,
//! never who asked or what for.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::{
    domain::failure::{Failure, Result},
    store::{Store, counts::Counts, ledger::Measures},
};

/// The media type of that text.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counters of this process.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Route, Histogram>,
    elevations: Family<Decided, Counter>,
    refused: Family<Refused, Counter>,
    connections_refused: Family<Caused, Counter>,
    refusals: Family<Problem, Counter>,
    policies: Family<InForce, Gauge>,
    live_grants: Gauge,
    pending_requests: Gauge,
    oldest_request: Gauge<f64, AtomicU64>,
    owed_revocations: Gauge,
    /// How many elevations skipped approval.
    pub(super) break_glass: Counter,
    differing: Gauge,
    /// How many connections are open.
    pub(super) connections: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    verdict: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    by: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Caused {
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Problem {
    cause: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InForce {
    digest: String,
}

impl Metrics {
    pub(super) fn new(store: &Store) -> Arc<Self> {
        // From half a millisecond to sixteen seconds.
        let buckets = || Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        let mut metrics = Self {
            registry: Registry::with_prefix("jit"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(buckets),
            elevations: Family::default(),
            refused: Family::default(),
            connections_refused: Family::default(),
            refusals: Family::default(),
            policies: Family::default(),
            live_grants: Gauge::default(),
            pending_requests: Gauge::default(),
            oldest_request: Gauge::default(),
            owed_revocations: Gauge::default(),
            break_glass: Counter::default(),
            differing: Gauge::default(),
            connections: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "http_requests",
            "Requests that were answered",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "How long answers took",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register(
            "elevations",
            "Elevations that were asked for, by what came of them",
            metrics.elevations.clone(),
        );
        registry.register(
            "sign_ins_refused",
            "Sign-ins that were refused, by what was shown and why",
            metrics.refused.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections that were refused, and why",
            metrics.connections_refused.clone(),
        );
        metrics.register_state();
        metrics.registry.register(
            "rows_refused",
            "Rows of the database that were read and refused, since this authority did not write them",
            store.refused_rows().clone(),
        );
        register_ledger(&mut metrics.registry, &store.ledger().measures);
        Arc::new(metrics)
    }

    fn register_state(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "refusals",
            "Requests that were refused, by the type of the problem",
            self.refusals.clone(),
        );
        registry.register(
            "break_glass",
            "Elevations that skipped approval in an emergency",
            self.break_glass.clone(),
        );
        registry.register(
            "policies_info",
            "The SHA-256 of the policies in force",
            self.policies.clone(),
        );
        self.register_gauges();
        self.registry.register_with_unit(
            "request_oldest_age",
            "How long the oldest request has waited for people; 0 where none waits",
            Unit::Seconds,
            self.oldest_request.clone(),
        );
    }

    fn register_gauges(&mut self) {
        let gauges = [
            (
                "http_connections",
                "Connections that are open",
                &self.connections,
            ),
            (
                "differing_replicas",
                "Replicas that have other policies or another catalogue in force",
                &self.differing,
            ),
            (
                "grants_live",
                "Grants that give their right, in the whole database",
                &self.live_grants,
            ),
            (
                "requests_pending",
                "Requests that wait for people, in the whole database",
                &self.pending_requests,
            ),
            (
                "revocations_owed",
                "Grants that are over and whose targets are still to be told, in the whole database",
                &self.owed_revocations,
            ),
        ];
        for (name, help, gauge) in gauges {
            self.registry.register(name, help, gauge.clone());
        }
    }

    /// Notes what the database has, and how long the oldest request has waited.
    pub(super) fn counted(&self, counts: &Counts, oldest: Duration) {
        self.live_grants.set(counts.live_grants);
        self.pending_requests.set(counts.pending_requests);
        self.owed_revocations.set(counts.owed_revocations);
        self.oldest_request.set(oldest.as_secs_f64());
    }

    /// Notes which policies are in force.
    pub(super) fn policies(&self, digest: &str) {
        self.policies.clear();
        let in_force = InForce {
            digest: digest.to_owned(),
        };
        self.policies.get_or_create(&in_force).set(1);
    }

    /// Notes a request that was refused: by the type of its problem.
    pub(super) fn refusal(&self, cause: &str, status: u16) {
        let problem = Problem {
            cause: cause.to_owned(),
            status,
        };
        self.refusals.get_or_create(&problem).inc();
    }

    /// Notes an answer.
    pub(super) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let route = route.to_owned();
        let answered = Answered {
            method: method.to_owned(),
            route: route.clone(),
            status,
        };
        self.requests.get_or_create(&answered).inc();
        let seconds = self.seconds.get_or_create(&Route { route });
        seconds.observe(took.as_secs_f64());
    }

    /// Notes what came of an elevation: `granted`, `pending`, `denied`, `failed`.
    pub(super) fn decided(&self, verdict: &str) {
        let decided = Decided {
            verdict: verdict.to_owned(),
        };
        self.elevations.get_or_create(&decided).inc();
    }

    /// Notes a sign-in that was refused: by what was shown, and why.
    pub(super) fn refused(&self, by: &str, reason: &str) {
        let refused = Refused {
            by: by.to_owned(),
            reason: reason.to_owned(),
        };
        self.refused.get_or_create(&refused).inc();
    }

    /// Notes a connection that was refused, and why.
    pub(super) fn refused_connection(&self, reason: &str) {
        let caused = Caused {
            reason: reason.to_owned(),
        };
        self.connections_refused.get_or_create(&caused).inc();
    }

    /// Notes how many replicas have something else in force.
    pub(super) fn differing(&self, replicas: i64) {
        self.differing.set(replicas);
    }

    /// All of it as text.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn text(&self) -> Result<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry)
            .map_err(|error| Failure::failed("the metrics cannot be written").because(&error))?;
        Ok(text)
    }
}

fn register_ledger(registry: &mut Registry, ledger: &Measures) {
    registry.register_with_unit(
        "ledger_append_duration",
        "How long it took until events were durable",
        Unit::Seconds,
        ledger.seconds.clone(),
    );
    registry.register(
        "ledger_events",
        "Events that were recorded",
        ledger.events.clone(),
    );
    registry.register(
        "ledger_append_failures",
        "Events that could not be recorded",
        ledger.failures.clone(),
    );
}
