//! Elevations over HTTP.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    credential::{Credential, Token},
    elevation::{Elevation, Grant, State},
    entitlement::Entitlement,
    id::GrantId,
    key::PublicKey,
    principal::Principal,
    time::Timestamp,
    vote::Vote,
};

/// What is asked for (`POST /v1/elevations`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ElevationRequest {
    /// `kind/name:role`
    #[schema(value_type = String, example = "kubernetes/prod:view")]
    pub entitlement: Entitlement,
    /// Why.
    #[serde(default)]
    pub justification: Option<String>,
    /// For how many seconds; policy may shorten it.
    #[serde(default)]
    pub ttl: Option<u64>,
    /// Whether to skip approval in an emergency.
    #[serde(default)]
    pub break_glass: bool,
    /// What the command does there, where that is known: `get`.
    #[serde(default)]
    pub verb: Option<String>,
    /// Whether whoever asks can still say why.
    #[serde(default)]
    pub answerable: bool,
    /// The keys of this lease, and where it is asked from.
    #[serde(flatten)]
    pub from: From,
}

/// The client's keys for one lease, and where it asks from.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct From {
    /// The Ed25519 key that the elevation token is bound to, base64url.
    #[schema(value_type = String)]
    pub holder: PublicKey,
    /// The Ed25519 key that a certificate is made for, base64url.
    #[schema(value_type = String)]
    pub key: PublicKey,
    /// The client's host name.
    #[serde(default)]
    pub host: String,
    /// Its terminal.
    #[serde(default)]
    pub terminal: Option<String>,
    /// The program that is to be run.
    #[serde(default)]
    pub tool: Option<String>,
    /// Whether that program keeps the credential to its own end, and so wants one for as long as the grant,
    /// the policies and the target allow.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keeps_credential: bool,
}

impl From {
    /// The same for a server of before it knew `keeps_credential`.
    #[must_use]
    pub fn for_older_server(&self) -> Self {
        Self {
            keeps_credential: false,
            ..self.clone()
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The next credential under a grant (`POST /v1/elevations/{id}/credential`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialRequest {
    /// The elevation token; absent for the first credential after an approval.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub token: Option<Token>,
    /// The proof that whoever shows it holds its key (RFC 9449), for this path.
    #[serde(default)]
    pub proof: Option<String>,
    /// The keys of this lease, and where it is asked from.
    #[serde(flatten)]
    pub from: From,
}

/// Where an elevation is, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ElevationView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: GrantId,
    /// Where it is in its life.
    #[schema(value_type = String, example = "granted")]
    pub state: State,
    /// Who asked, as a person writes it: `alice`, `workload/ci`, `agent/helper`.
    pub principal: String,
    /// Whom an agent acts for, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// What for.
    #[schema(value_type = String)]
    pub entitlement: Entitlement,
    /// Why.
    #[serde(default)]
    pub justification: Option<String>,
    /// When it was asked.
    #[schema(value_type = String)]
    pub asked_at: Timestamp,
    /// Who approved so far.
    #[serde(default)]
    pub approved_by: Vec<String>,
    /// How many must.
    #[serde(default)]
    pub approvals: u32,
    /// Whether it was approved and nobody has used it yet.
    #[serde(default)]
    pub unclaimed: bool,
    /// How it ended early, where it did; not in every list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndView>,
    /// Some of those who may, of those who were here lately; only in lists, where that is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// The right, once it is granted.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub grant: Option<Grant>,
    /// Its proof; only in the answer to whoever asked.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub token: Option<Token>,
    /// What the tool accepts; only in the answer to whoever asked.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub credential: Option<Credential>,
}

/// The caller's elevations (`GET /v1/elevations?state=granted`), the newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ElevationList {
    /// Each without token and credential.
    pub elevations: Vec<ElevationView>,
}

/// How an elevation ended early.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndView {
    /// When.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Who ended it, where that was not whoever asked.
    #[serde(default)]
    pub by: Option<String>,
    /// Why, where that was said.
    #[serde(default)]
    pub why: Option<String>,
}

/// A further reason for what the caller holds or waits for (`POST /v1/elevations/{id}/justification`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JustificationRequest {
    /// Why.
    pub justification: String,
}

/// What came of ending a grant (`POST /v1/elevations/{id}/revocation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum RevocationView {
    /// Its target refuses it from now on.
    Ended,
    /// Its target cannot be told.
    EndsByItself {
        /// When the newest credential ends; absent where none works any more.
        #[serde(default)]
        #[schema(value_type = Option<String>)]
        until: Option<Timestamp>,
    },
    /// It was pending, and is given up.
    Abandoned,
}

impl ElevationView {
    /// An elevation as its own principal sees it at `now`, without any secret.
    pub fn of(elevation: &Elevation, now: Timestamp) -> Self {
        let request = &elevation.request;
        Self {
            id: request.id.clone(),
            state: elevation.state(now),
            principal: request.principal.written(),
            chain: request.chain.iter().map(Principal::written).collect(),
            entitlement: request.entitlement.clone(),
            justification: request.justification.clone(),
            asked_at: request.asked_at,
            approved_by: elevation.vote().map(approvers).unwrap_or_default(),
            approvals: elevation.vote().map_or(0, |vote| vote.needed),
            unclaimed: elevation.is_unclaimed(now),
            ended: None,
            approvers: Vec::new(),
            grant: elevation.grant_made().cloned(),
            token: None,
            credential: None,
        }
    }
}

fn approvers(vote: &Vote) -> Vec<String> {
    let approvals = vote.approvals.iter();
    approvals.map(|one| one.by.written()).collect()
}
