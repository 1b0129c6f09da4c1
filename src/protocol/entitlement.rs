//! What the caller could have, over HTTP.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::entitlement::{Entitlement, Tier};

/// What the caller could have (`GET /v1/entitlements`), by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntitlementList {
    /// Each entitlement that policy could give.
    pub entitlements: Vec<EntitlementView>,
}

/// One entitlement, and what it takes to get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntitlementView {
    /// `kind/name:role`
    #[schema(value_type = String, example = "kubernetes/prod:view")]
    pub entitlement: Entitlement,
    /// How sensitive it is: `routine`, `elevated`, `sensitive`.
    #[schema(value_type = String, example = "routine")]
    pub tier: Tier,
    /// Who decides.
    pub decided_by: DecidedBy,
    /// Whether a justification is required.
    pub justification: bool,
    /// How many people must approve it; 0 where none is asked.
    pub approvals: u32,
    /// The longest that a grant lasts, in seconds.
    pub ttl: u64,
}

/// Who decides on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DecidedBy {
    /// Policy alone, at once.
    Policy,
    /// Approvers.
    People,
    /// Policy, once the caller has signed in again.
    SignIn,
    /// Nobody beforehand: it is break-glass alone.
    BreakGlass,
}
