//! Hosts and bots that are known by a key of their own.

use std::{collections::BTreeSet, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{
    key::PublicKey,
    principal::{Caller, Principal},
    time::Timestamp,
};

/// Somebody who may come by a key that was born with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Who that is here.
    pub principal: Principal,
    /// In which groups.
    pub groups: BTreeSet<String>,
    /// Who let them in; nobody where a bootstrap code did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<Principal>,
    /// When.
    pub made_at: Timestamp,
    /// In which groups the inviter was then, and how they had signed in, so that policy can be asked again;
    /// absent in invitations of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inviter: Option<Caller>,
    /// From which address they invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_from: Option<IpAddr>,
}

/// How far an enrolment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Its join code waits, or has expired unused.
    Invited {
        /// Until when the code is taken.
        until: Timestamp,
    },
    /// Its key is known.
    Joined {
        /// Since when that very key.
        since: Timestamp,
    },
}

/// What a key is to its enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The one that counts.
    Current,
    /// Replaced by this one, which has not been used yet: whoever lost the answer may ask again.
    Replaced {
        /// The new key.
        by: PublicKey,
    },
    /// Replaced by one that has been used. Whoever still shows it has it from somewhere else.
    Retired,
}
