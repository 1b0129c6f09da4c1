//! What the query of a URL may say, per route.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::{
    elevation::State,
    event::EventFilter,
    failure::{Failure, Result},
    key::PublicKey,
    principal::Principal,
    time::Timestamp,
};

/// How many entries a page has where nobody says otherwise, and at most.
const PAGE: u32 = 500;
const LARGEST: u32 = 1000;

/// Which elevations.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Elevations {
    /// Only those in that state: `pending`, `granted`, `denied`, `abandoned`, `expired`, `revoked`.
    #[param(value_type = Option<String>)]
    pub(super) state: Option<State>,
    /// Only those that are pending or granted, and with their ends those that people denied in the last two
    /// hours.
    #[serde(default)]
    pub(super) current: bool,
    /// Also who may approve those that are pending.
    #[serde(default)]
    pub(super) approvers: bool,
}

/// How long to wait for a change.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Patience {
    /// Seconds, 30 at most: the answer comes when the elevation is not pending any more.
    pub(super) wait: Option<u64>,
}

/// Which text.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Trust {
    /// Only the key or certificate.
    #[serde(default)]
    pub(super) ca: bool,
    /// What undoes the trust.
    #[serde(default)]
    pub(super) remove: bool,
}

/// Which entries of the ledger.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Events {
    /// Behind this place.
    after: Option<i64>,
    /// So many at most, 1000 at a time; without `after` the newest so many.
    limit: Option<u32>,
    /// Of that principal: `alice`, `workload/NAME`, `agent/NAME`.
    principal: Option<String>,
    /// What that principal approved, denied or ended for somebody else.
    approver: Option<String>,
    /// Of that kind: `granted`, `approved`, ….
    kind: Option<String>,
    /// Of that resource, `kind/name`.
    resource: Option<String>,
    /// Of that role.
    role: Option<String>,
    /// Of that elevation or session.
    grant: Option<String>,
    /// From this instant on (RFC 3339).
    since: Option<String>,
    /// Before this instant.
    until: Option<String>,
}

impl Events {
    /// The same as the ledger has it.
    ///
    /// # Errors
    /// A word makes no sense.
    pub(super) fn filter(self) -> Result<EventFilter> {
        // Only the newest of all are asked for without a place.
        let is_newest = self.after.is_none() && self.limit.is_some();
        Ok(EventFilter {
            after: (!is_newest).then(|| self.after.unwrap_or(0)),
            limit: Some(self.limit.unwrap_or(PAGE).clamp(1, LARGEST)),
            principal: principal(self.principal.as_deref())?,
            by: principal(self.approver.as_deref())?,
            kind: self.kind.as_deref().map(str::parse).transpose()?,
            resource: self.resource,
            role: self.role,
            grant: self.grant.as_deref().map(str::parse).transpose()?,
            since: instant(self.since.as_deref())?,
            until: instant(self.until.as_deref())?,
        })
    }
}

fn principal(text: Option<&str>) -> Result<Option<Principal>> {
    let read = |text| {
        Principal::parse(text).map_err(|failure| Failure::usage(failure.message).hint(failure.hint))
    };
    text.map(read).transpose()
}

fn instant(text: Option<&str>) -> Result<Option<Timestamp>> {
    let read = |text| {
        Timestamp::parse(text).ok_or_else(|| {
            Failure::usage(format!("{text:?} is no instant"))
                .hint("write it as 2026-11-22T10:00:00Z")
        })
    };
    text.map(read).transpose()
}

/// Which checkpoints.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Checkpoints {
    /// Behind the checkpoint of so many entries; from the first one where it is absent.
    #[serde(default)]
    pub(super) after: i64,
    /// So many at most; 500 at most.
    pub(super) limit: Option<u32>,
    /// Only the newest one.
    #[serde(default)]
    pub(super) newest: bool,
}

/// How much ends.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Sessions {
    /// The caller's sessions on other machines too.
    pub(super) everywhere: bool,
    /// The key of another session of the caller's, which takes the place of this one: grants go on in it.
    #[param(value_type = Option<String>)]
    pub(super) successor: Option<PublicKey>,
    /// Whether the provider told the client that it does not know the account any more; it is recorded.
    pub(super) account_ended: bool,
}
