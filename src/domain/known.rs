//! Somebody who was let in at some time, as the authority remembers them.

use super::{
    entitlement::Entitlement,
    principal::{Caller, Principal},
    time::Timestamp,
};

/// What an authority remembers of a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who, and in which groups they were last.
    pub caller: Caller,
    /// When they first signed in.
    pub first_seen_at: Timestamp,
    /// When they last asked for anything, to the minute.
    pub last_seen_at: Timestamp,
    /// When somebody who is trusted last vouched for them.
    pub attested_at: Timestamp,
    /// Since when they may not come.
    pub disabled_at: Option<Timestamp>,
    /// How many of their sessions live.
    pub sessions: i64,
    /// How many of their grants live.
    pub grants: i64,
    /// Who joined by a code that they made; only told where they were disabled just now.
    pub enrolled: Vec<Principal>,
    /// What works until it expires although its grant has ended; only told where they were disabled just now.
    pub outliving: Vec<Outliving>,
}

/// A credential that works at its target although its grant has ended: the target cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outliving {
    /// Whose.
    pub principal: Principal,
    /// What for.
    pub entitlement: Entitlement,
    /// Until when.
    pub until: Timestamp,
}
