//! Hosts and bots that come by a key of their own, over HTTP.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::principal::OutlivingView;
use crate::domain::{known::Outliving, time::Timestamp};

/// Who may make a key of theirs known (`POST /v1/enrolments`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentRequest {
    /// What it will be called here: `build-7` is `workload/build-7`.
    pub name: String,
    /// In which groups it will be.
    #[serde(default)]
    pub groups: Vec<String>,
    /// SHA-256 of the join code, hex. The code itself is made by whoever asks, who hands it over.
    pub code_sha256: String,
    /// For how many seconds the code is taken.
    pub ttl: u64,
}

/// An enrolment, as administrators see it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentView {
    /// As a person writes it: `workload/build-7`.
    pub principal: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// Who let it in.
    #[serde(default)]
    pub made_by: Option<String>,
    /// When.
    #[schema(value_type = String)]
    pub made_at: Timestamp,
    /// Until when its join code is taken, where it waits.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub invited_until: Option<Timestamp>,
    /// Since when its key counts, once it has joined.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub joined_at: Option<Timestamp>,
}

/// What a removed enrolment leaves (`DELETE /v1/enrolments/{class}/{name}`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentRemoved {
    /// The credentials that work although their grants have ended, since their targets cannot be told.
    pub outliving: Vec<OutlivingView>,
}

impl EnrolmentRemoved {
    /// What that left.
    pub fn of(outliving: &[Outliving]) -> Self {
        Self {
            outliving: outliving.iter().map(OutlivingView::of).collect(),
        }
    }
}
