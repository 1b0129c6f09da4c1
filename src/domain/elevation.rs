//! The whole life of one elevation, as a state machine that time is a parameter of.
//!
//! ```text
//! Pending ──┬─→ Granted ──┬─→ Expired
//!           ├─→ Denied    └─→ Revoked
//!           └─→ Abandoned
//! ```

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    decision::Obligations,
    entitlement::Entitlement,
    failure::{Failure, Result},
    id::GrantId,
    principal::Principal,
    time::Timestamp,
};

/// The ask: who wants what, why, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The elevation's id, and its grant's.
    pub id: GrantId,
    /// Who asks.
    pub principal: Principal,
    /// What for.
    pub entitlement: Entitlement,
    /// The reason given.
    pub justification: Option<String>,
    /// How long it is wanted for; policy may shorten it.
    pub ttl: Option<Duration>,
    /// Whether approval is to be skipped in an emergency.
    pub break_glass: bool,
    /// What the command does there, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// The session that it was asked in; none in the embedded authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<GrantId>,
    /// Whom an agent acts for, the nearest first; the last one is a human or a workload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Principal>,
    /// When it was asked.
    pub asked_at: Timestamp,
}

/// The recorded right. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The elevation's id.
    pub id: GrantId,
    /// Who may.
    pub principal: Principal,
    /// What.
    pub entitlement: Entitlement,
    /// From when.
    pub granted_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// How long one credential under it lives, at most.
    pub credential_ttl: Duration,
    /// The policies that decided.
    pub policies: Vec<String>,
    /// Whether it skipped approval.
    pub break_glass: bool,
    /// Whom an agent acts for, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Principal>,
}

impl Grant {
    /// Whether it gives its right at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// The longest that a grant lives where no policy says otherwise.
pub const DEFAULT_TTL: Duration = Duration::from_hours(1);
/// The longest that a credential lives where no policy says otherwise.
pub const DEFAULT_CREDENTIAL_TTL: Duration = Duration::from_mins(10);

/// Where an elevation is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Asked, not decided.
    Pending,
    /// Decided: yes.
    Granted,
    /// Decided: no.
    Denied,
    /// Given up by the one who asked.
    Abandoned,
    /// Over by itself.
    Expired,
    /// Ended early.
    Revoked,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::Abandoned => "abandoned",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        })
    }
}

/// One elevation. Every step is a method that refuses what the words do not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elevation {
    /// What was asked.
    pub request: Request,
    state: State,
    grant: Option<Grant>,
}

impl Elevation {
    /// A new elevation: pending.
    pub const fn ask(request: Request) -> Self {
        Self {
            request,
            state: State::Pending,
            grant: None,
        }
    }

    /// Where it is at `now`: a grant whose time is over has expired, whoever has or has not noticed.
    pub fn state(&self, now: Timestamp) -> State {
        match (&self.state, &self.grant) {
            (State::Granted, Some(grant)) if !grant.is_live(now) => State::Expired,
            (state, _) => *state,
        }
    }

    /// The grant, while it gives its right.
    pub fn live(&self, now: Timestamp) -> Option<&Grant> {
        match self.state(now) {
            State::Granted => self.grant.as_ref(),
            State::Pending | State::Denied | State::Abandoned | State::Expired | State::Revoked => {
                None
            }
        }
    }

    /// The grant that was made, live or over; none for an elevation that never was granted.
    pub const fn grant_made(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }

    /// `Pending → Granted`, for as long as asked and no longer than the obligations allow.
    pub fn grant(
        &mut self,
        policies: Vec<String>,
        obligations: Obligations,
        now: Timestamp,
    ) -> Result<&Grant> {
        self.step(State::Pending, State::Granted, now)?;
        let longest = obligations.ttl.unwrap_or(DEFAULT_TTL);
        let ttl = self.request.ttl.map_or(longest, |asked| asked.min(longest));
        let credential_ttl = obligations.credential_ttl.unwrap_or(DEFAULT_CREDENTIAL_TTL);
        Ok(self.grant.insert(Grant {
            id: self.request.id.clone(),
            principal: self.request.principal.clone(),
            entitlement: self.request.entitlement.clone(),
            granted_at: now,
            expires_at: now.after(ttl),
            credential_ttl: credential_ttl.min(ttl),
            policies,
            break_glass: self.request.break_glass,
            chain: self.request.chain.clone(),
        }))
    }

    /// `Pending → Denied`.
    pub fn deny(&mut self, now: Timestamp) -> Result<()> {
        self.step(State::Pending, State::Denied, now)
    }

    /// `Pending → Abandoned`.
    pub fn abandon(&mut self, now: Timestamp) -> Result<()> {
        self.step(State::Pending, State::Abandoned, now)
    }

    /// `Granted → Revoked`; an elevation that is over by itself cannot be ended early.
    pub fn revoke(&mut self, now: Timestamp) -> Result<()> {
        self.step(State::Granted, State::Revoked, now)
    }

    fn step(&mut self, from: State, to: State, now: Timestamp) -> Result<()> {
        let state = self.state(now);
        if state == from {
            self.state = to;
            return Ok(());
        }
        Err(Failure::failed(format!(
            "{} is {state}, so it cannot become {to}",
            self.request.id
        ))
        .hint("\"jit audit --grant ID\" shows what happened to it"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::domain::principal::Class;

    #[derive(Clone, Copy, Debug)]
    enum Call {
        Grant,
        Deny,
        Abandon,
        Revoke,
        Wait(u32),
    }

    fn calls() -> impl Strategy<Value = Vec<Call>> {
        let call = prop_oneof![
            Just(Call::Grant),
            Just(Call::Deny),
            Just(Call::Abandon),
            Just(Call::Revoke),
            (0_u32..4000).prop_map(Call::Wait),
        ];
        vec(call, 0..12)
    }

    fn pending(ttl: Option<Duration>) -> Elevation {
        Elevation::ask(Request {
            id: GrantId::new(Timestamp::from_secs(0), [7; 10]),
            principal: Principal::new(Class::Human, "alice").unwrap(),
            entitlement: "kubernetes/prod:view".parse().unwrap(),
            justification: None,
            ttl,
            break_glass: false,
            verb: None,
            session: None,
            chain: Vec::new(),
            asked_at: Timestamp::from_secs(0),
        })
    }

    fn allowed(from: State, to: State) -> bool {
        use State::{Abandoned, Denied, Expired, Granted, Pending, Revoked};
        from == to
            || matches!(
                (from, to),
                (Pending, Granted | Denied | Abandoned) | (Granted, Expired | Revoked)
            )
    }

    proptest! {
        #[test]
        fn no_sequence_of_calls_reaches_a_state_that_the_words_do_not_allow(calls in calls()) {
            let mut elevation = pending(None);
            let mut now = Timestamp::from_secs(0);
            for call in calls {
                let before = elevation.state(now);
                let succeeded = match call {
                    Call::Grant => elevation.grant(vec![], Obligations::default(), now).is_ok(),
                    Call::Deny => elevation.deny(now).is_ok(),
                    Call::Abandon => elevation.abandon(now).is_ok(),
                    Call::Revoke => elevation.revoke(now).is_ok(),
                    Call::Wait(seconds) => {
                        now = now.after(Duration::from_secs(u64::from(seconds)));
                        true
                    }
                };
                let after = elevation.state(now);
                prop_assert!(allowed(before, after), "{before} to {after} by {call:?}");
                prop_assert!(succeeded || before == after, "a refused step changed the state");
                prop_assert_eq!(elevation.live(now).is_some(), after == State::Granted);
            }
        }

        #[test]
        fn a_grant_is_never_longer_than_asked_nor_than_obliged(
            asked in 1_u64..100_000, obliged in 1_u64..100_000,
        ) {
            let mut elevation = pending(Some(Duration::from_secs(asked)));
            let obligations = Obligations {
                ttl: Some(Duration::from_secs(obliged)),
                ..Obligations::default()
            };
            let now = Timestamp::from_secs(10);
            let grant = elevation.grant(vec![], obligations, now).unwrap();
            prop_assert_eq!(grant.expires_at.left(now), Duration::from_secs(asked.min(obliged)));
            prop_assert!(grant.credential_ttl <= grant.expires_at.left(now));
        }
    }
}
