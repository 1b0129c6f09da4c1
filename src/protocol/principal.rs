//! Who comes to a server, over HTTP.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    entitlement::Entitlement,
    known::{Known, Outliving},
    lifecycle::Lifecycle,
    principal::Principal,
    time::Timestamp,
};

/// Everybody who was ever let in (`GET /v1/principals`).
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct PrincipalList {
    /// By class and name.
    pub principals: Vec<PrincipalView>,
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PrincipalView {
    /// As a person writes it: `alice`, `workload/ci`, `agent/helper`.
    pub principal: String,
    /// The groups that they were in last.
    pub groups: Vec<String>,
    /// When they first signed in.
    #[schema(value_type = String)]
    pub first_seen_at: Timestamp,
    /// When they last asked for anything, to the minute.
    #[schema(value_type = String)]
    pub last_seen_at: Timestamp,
    /// When somebody who is trusted last vouched for them.
    #[schema(value_type = String)]
    pub attested_at: Timestamp,
    /// Since when they may not come.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub disabled_at: Option<Timestamp>,
    /// Whether they were away for so long that they may not come either.
    pub dormant: bool,
    /// How many of their sessions live.
    pub sessions: i64,
    /// How many of their grants live.
    pub grants: i64,
    /// Who joined by a code that they made, as it is written; only in the answer to disabling somebody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enrolled: Vec<String>,
    /// What works until it expires although its grant has ended; only in the answer to disabling somebody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outliving: Vec<OutlivingView>,
}

/// A credential that works at its target although its grant has ended: the target cannot be told.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OutlivingView {
    /// Whose, as a person writes it: somebody's own, or that of an agent that acted for them.
    pub principal: String,
    /// What for.
    #[schema(value_type = String)]
    pub entitlement: Entitlement,
    /// Until when.
    #[schema(value_type = String)]
    pub until: Timestamp,
}

impl OutlivingView {
    pub(super) fn of(one: &Outliving) -> Self {
        Self {
            principal: one.principal.written(),
            entitlement: one.entitlement.clone(),
            until: one.until,
        }
    }
}

/// Whether one of them may come (`PATCH /v1/principals/{class}/{name}`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrincipalChange {
    /// Whether they may not.
    pub disabled: bool,
    /// Why.
    pub why: String,
    /// Whether even where nobody would be left who may administer.
    #[serde(default)]
    pub force: bool,
}

impl PrincipalView {
    /// What an authority remembers of somebody, at `now`.
    pub fn of(known: &Known, lifecycle: &Lifecycle, now: Timestamp) -> Self {
        Self {
            principal: known.caller.principal.written(),
            groups: known.caller.groups.iter().cloned().collect(),
            first_seen_at: known.first_seen_at,
            last_seen_at: known.last_seen_at,
            attested_at: known.attested_at,
            disabled_at: known.disabled_at,
            dormant: lifecycle.is_dormant(known.last_seen_at, now),
            sessions: known.sessions,
            grants: known.grants,
            enrolled: known.enrolled.iter().map(Principal::written).collect(),
            outliving: known.outliving.iter().map(OutlivingView::of).collect(),
        }
    }
}
