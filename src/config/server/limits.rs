//! `[limits]` of `server.toml`: how much the server takes from whom.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    config::check::fault::{Checked, Fault},
    domain::time::Ttl,
};

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How many connections are open at once.
    pub connections: u32,
    /// How many of them come from one address.
    pub connections_per_address: u32,
    /// How many requests a second come from one address, whoever they are of; twice as many in a burst.
    pub requests_per_address: u32,
    /// How many requests a second come from one human or workload, with all agents that act for them; twice as
    /// many in a burst.
    pub requests_per_caller: u32,
    /// How many events of the ledger one human or workload, with all agents that act for them, causes in an hour.
    pub events_per_caller: u32,
    /// How many sign-ins of one address may fail in a minute.
    pub failed_sign_ins_per_address: u32,
    /// How many requests of one sign-in, with all agents that were delegated from it, wait for a change at once.
    pub waits_per_caller: u32,
    /// How long a TLS handshake may take.
    pub handshake_within: Ttl,
    /// How long a request's headers may take, and how long a connection is kept without a request.
    pub headers_within: Ttl,
    /// How long a request's body may take.
    pub body_within: Ttl,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_address: 256,
            requests_per_address: 1000,
            requests_per_caller: 50,
            events_per_caller: 36_000,
            failed_sign_ins_per_address: 120,
            waits_per_caller: 16,
            handshake_within: Ttl(Duration::from_secs(10)),
            headers_within: Ttl(Duration::from_secs(20)),
            body_within: Ttl(Duration::from_secs(10)),
        }
    }
}

/// Nothing is let in by no limit of nothing.
pub(super) fn check(limits: &Limits) -> Checked {
    let all = [
        ("connections", limits.connections),
        ("connections_per_address", limits.connections_per_address),
        ("requests_per_address", limits.requests_per_address),
        ("requests_per_caller", limits.requests_per_caller),
        ("events_per_caller", limits.events_per_caller),
        (
            "failed_sign_ins_per_address",
            limits.failed_sign_ins_per_address,
        ),
        ("waits_per_caller", limits.waits_per_caller),
    ];
    let zero = all.into_iter().find(|(_, limit)| *limit == 0);
    zero.map_or(Ok(()), |(key, _)| {
        Err(Fault::new(
            ["limits", key],
            format!("with {key} = 0 nobody could come in"),
            "make it at least 1",
        ))
    })
}
