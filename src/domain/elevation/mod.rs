//! The whole life of one elevation, as a state machine that time is a parameter of.
//!
//! ```text
//! Pending ──┬─→ Granted ──┬─→ Expired
//!           ├─→ Denied    └─→ Revoked
//!           ├─→ Abandoned
//!           └─→ Expired
//! ```

use std::{fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    decision::Obligations,
    entitlement::Entitlement,
    failure::{Failure, Result},
    id::GrantId,
    key::PublicKey,
    principal::Principal,
    time::Timestamp,
    vote::{Approval, Vote},
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
    /// Who enrolled the host or bot that asks, or that an agent acts for: whoever made it answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled_by: Option<Principal>,
    /// The address that a server saw it come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// When it was asked.
    pub asked_at: Timestamp,
}

impl Request {
    /// Whether it is that caller's own: of the same principal, and for an agent, on behalf of the same.
    /// Two people may each have an agent of one name.
    pub fn is_of(&self, principal: &Principal, chain: &[Principal]) -> bool {
        self.principal == *principal && self.chain == chain
    }

    /// Who asks, those it is asked for, and who enrolled them.
    pub fn parties(&self) -> impl Iterator<Item = &Principal> {
        let asking = [&self.principal].into_iter().chain(&self.chain);
        asking.chain(&self.enrolled_by)
    }
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

/// How long people have to answer.
pub const PATIENCE: Duration = Duration::from_hours(1);

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

impl State {
    /// The state in the words of a message, which calls a request that was given up withdrawn.
    pub fn in_words(self) -> String {
        match self {
            Self::Abandoned => "withdrawn".to_owned(),
            Self::Pending | Self::Granted | Self::Denied | Self::Expired | Self::Revoked => {
                self.to_string()
            }
        }
    }
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
    /// What people were asked, where they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vote: Option<Vote>,
    /// The key that an approved grant was claimed with, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimed: Option<PublicKey>,
}

impl Elevation {
    /// A new elevation: pending.
    pub const fn ask(request: Request) -> Self {
        Self {
            request,
            state: State::Pending,
            grant: None,
            vote: None,
            claimed: None,
        }
    }

    /// Where it is at `now`: a grant or a vote whose time is over has expired, whoever has or has not
    /// noticed.
    pub fn state(&self, now: Timestamp) -> State {
        match (&self.state, &self.grant, &self.vote) {
            (State::Granted, Some(grant), _) if !grant.is_live(now) => State::Expired,
            (State::Pending, _, Some(vote)) if now >= vote.until => State::Expired,
            (state, _, _) => *state,
        }
    }

    /// What people were asked, and who of them said yes; none where policy alone decided.
    pub const fn vote(&self) -> Option<&Vote> {
        self.vote.as_ref()
    }

    /// Whether it is a grant that people approved and nobody has claimed yet.
    pub fn is_unclaimed(&self, now: Timestamp) -> bool {
        self.live(now).is_some() && self.vote.is_some() && self.claimed.is_none()
    }

    /// Whether enough people approved, where `needed` must.
    pub fn is_approved(&self, needed: u32) -> bool {
        self.vote
            .as_ref()
            .is_some_and(|vote| vote.missing(needed) == 0)
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

    /// Adds a further reason to a request that waits for people. What they have read already stays as it is.
    pub fn add_reason(&mut self, why: &str) {
        self.request.justification = Some(match self.request.justification.take() {
            Some(first) => format!("{first}; {why}"),
            None => why.to_owned(),
        });
    }

    /// Puts it to people: it stays pending until one of them says no, `needed` of them said yes, or
    /// `until`.
    pub fn put_to_vote(&mut self, needed: u32, until: Timestamp, now: Timestamp) -> Result<()> {
        self.step(State::Pending, State::Pending, now)?;
        if self.vote.is_some() {
            let id = &self.request.id;
            return Err(Failure::failed(format!(
                "people were asked about {id} already"
            )));
        }
        self.vote = Some(Vote {
            needed,
            until,
            approvals: Vec::new(),
        });
        Ok(())
    }

    /// One more says yes, of `needed` that must.
    ///
    /// # Errors
    /// Denied: whoever approves is an agent, is the one who asked or one of those it was asked for, or
    /// has approved already. It is not pending, or nobody was asked.
    pub fn approve(&mut self, approval: Approval, needed: u32, now: Timestamp) -> Result<()> {
        self.step(State::Pending, State::Pending, now)?;
        let vote = self.vote.as_mut().ok_or_else(|| {
            Failure::failed(format!("nobody was asked to approve {}", self.request.id))
        })?;
        vote.add(approval, self.request.parties())?;
        vote.needed = needed;
        Ok(())
    }

    /// What those said counts no more, as if they had not: they may not come any more.
    pub fn without(&mut self, gone: &[Principal]) {
        if let Some(vote) = &mut self.vote {
            vote.approvals.retain(|one| !gone.contains(&one.by));
        }
    }

    /// An approved grant is claimed by whoever asked for it, once: with `holder`, and with no other key
    /// from then on.
    pub fn claim(&mut self, holder: PublicKey, now: Timestamp) -> Result<&Grant> {
        self.step(State::Granted, State::Granted, now)?;
        let id = &self.request.id;
        match (&self.vote, self.claimed) {
            (None, _) => Err(Failure::denied(format!(
                "the token of {id} was given when it was asked for"
            ))
            .hint("run the command again: a new elevation is asked for")),
            (Some(_), Some(other)) if other != holder => Err(Failure::denied(format!(
                "{id} has been claimed with another key"
            ))
            .hint("run the command again: a new elevation is asked for")),
            (Some(_), _) => {
                self.claimed = Some(holder);
                let none = || Failure::failed(format!("{id} has no grant"));
                self.grant.as_ref().ok_or_else(none)
            }
        }
    }

    /// `Pending → Granted`, for as long as asked and no longer than the obligations allow; where people
    /// were asked, once enough of them said yes.
    pub fn grant(
        &mut self,
        policies: Vec<String>,
        obligations: Obligations,
        now: Timestamp,
    ) -> Result<&Grant> {
        if let Some(vote) = &self.vote
            && vote.missing(vote.needed) > 0
        {
            return Err(Failure::denied(format!(
                "{} still needs {} more to approve it",
                self.request.id,
                vote.missing(vote.needed)
            )));
        }
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
mod tests;
