//! What policy answers: a verdict, the policies that made it, and what they oblige the caller to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The three-way answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// May have it now.
    Allow,
    /// May ask people for it.
    RequireApproval,
    /// Neither.
    Deny,
}

/// Policy's answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub verdict: Verdict,
    /// The `@id` of each policy that made it, sorted; empty where no policy spoke (default deny).
    pub policies: Vec<String>,
    /// What the deciding policies oblige to, the strictest of each.
    pub obligations: Obligations,
    /// Why a default denial is one, for the hint: for example a justification that is missing.
    pub reason: Option<String>,
    /// The sign-in that is needed, where the caller's does not do.
    pub sign_in: Option<SignInNeeded>,
}

/// A sign-in that policy asks for and that the caller's is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInNeeded {
    /// How old it may be.
    pub within: Duration,
    /// What it must be, in words: `a sign-in within the last 1h`.
    pub words: String,
    /// What to do about it.
    pub hint: &'static str,
}

/// What the policies that decided oblige the grant to; `None` and `false` oblige to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligations {
    /// `@ttl("1h")`: how long the grant may live.
    pub ttl: Option<Duration>,
    /// `@credential_ttl("5m")`: how long one credential under it may live.
    pub credential_ttl: Option<Duration>,
    /// `@approvals("2")`: how many people must say yes.
    pub approvals: Option<u32>,
    /// `@mfa_within("1h")`: how old the sign-in may be, which must be a strong one.
    pub mfa_within: Option<Duration>,
    /// `@signed_in_within("1h")`: how old the sign-in may be, whatever it was by.
    pub signed_in_within: Option<Duration>,
    /// `@justification("required")`.
    pub justification: bool,
    /// `@record("session")`.
    pub record_session: bool,
}

impl Obligations {
    /// Both together: the shorter span, the larger number, any duty.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            ttl: shorter(self.ttl, other.ttl),
            credential_ttl: shorter(self.credential_ttl, other.credential_ttl),
            approvals: self.approvals.max(other.approvals),
            mfa_within: shorter(self.mfa_within, other.mfa_within),
            signed_in_within: shorter(self.signed_in_within, other.signed_in_within),
            justification: self.justification || other.justification,
            record_session: self.record_session || other.record_session,
        }
    }
}

fn shorter(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
