//! STUB
use crate::domain::{decision::*, entitlement::*, principal::Caller, time::Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub struct Question<'a> {
    pub caller: &'a Caller,
    pub entitlement: &'a Entitlement,
    pub tier: Tier,
    pub labels: &'a BTreeSet<String>,
    pub justification: Option<&'a str>,
    pub ttl: Option<Duration>,
    pub break_glass: bool,
    pub now: Timestamp,
    pub verb: Option<&'a str>,
}
#[allow(missing_docs)]
pub struct Policies;
impl Policies {
    pub fn decide(&self, q: &Question<'_>) -> Decision {
        let v = match q.tier {
            Tier::Routine => Verdict::Allow,
            Tier::Elevated => Verdict::Allow,
            Tier::Sensitive => Verdict::RequireApproval,
        };
        Decision {
            verdict: v,
            policies: vec!["routine".into()],
            obligations: Obligations::default(),
            reason: None,
        }
    }
}
