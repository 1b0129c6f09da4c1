//! A session: somebody who was let in, until when, by whose word, and bound to which key.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    entitlement::Entitlement, id::GrantId, key::PublicKey, principal::Caller, time::Timestamp,
};

/// Somebody who was let in. It holds no secret: its token is signed anew from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: GrantId,
    /// Who, in which groups, and how they signed in.
    pub caller: Caller,
    /// The key that its tokens are bound to; it was born on the client.
    pub holder: PublicKey,
    /// By whose word: the issuer's URL, `key` for an enrolled key, `bootstrap`, `delegation`.
    pub source: String,
    /// The session that delegated to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GrantId>,
    /// The only entitlements that it may ask for; absent: whatever policy allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<BTreeSet<Entitlement>>,
    /// When it began.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// The session at the OpenID provider that it came of (`sid`, OpenID Connect Front-Channel Logout 1.0, section
    /// 3), where the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_session: Option<String>,
    /// When its caller was last vouched for in this session; absent: when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attested_at: Option<Timestamp>,
}

impl Session {
    /// When its caller was last vouched for in this session. What is shown in another session of the same
    /// principal does not count.
    pub fn attested_at(&self) -> Timestamp {
        self.attested_at.unwrap_or(self.created_at)
    }

    /// Whether it lets anybody in at `now`, as far as time is concerned.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}
