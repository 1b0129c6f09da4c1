//! A grant, its token and its newest credential, as the client holds them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    credential::{Credential, Token},
    elevation::Grant,
    key::PrivateKey,
    time::Timestamp,
};

/// How long before its end a credential is renewed, so that it does not die in a tool's hands.
pub const REFRESH_MARGIN: Duration = Duration::from_secs(30);
/// The least that a tool can do something with.
const LEAST: Duration = Duration::from_secs(5);
/// How far a target's clock may be from ours.
pub const CLOCK_SKEW: Duration = Duration::from_mins(1);

/// What the client holds. It is only ever written sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The right.
    pub grant: Grant,
    /// Its proof, bound to `holder`.
    pub token: Token,
    /// The key that the token is bound to; it signs renewals and nothing else.
    pub holder: PrivateKey,
    /// The newest credential.
    pub credential: Credential,
    /// The key of the credential, where the kind has one; a new one with each credential.
    pub key: PrivateKey,
    /// When the credential came.
    pub issued_at: Timestamp,
    /// How long asking took, end to end.
    pub took: Duration,
    /// Why this entitlement: what was inferred from the command, or what the user named.
    pub because: String,
    /// What it was issued for.
    #[serde(default)]
    pub binding: Binding,
    /// The reason that was recorded last.
    #[serde(default)]
    pub justification: Option<String>,
    /// How long it was asked for, where that was said.
    #[serde(default)]
    pub asked_ttl: Option<Duration>,
    /// When the authority last said that the grant stands, where it was asked after the credential came.
    #[serde(default)]
    pub confirmed_at: Option<Timestamp>,
    /// Whether its credential was asked for as long as the grant and the target allow.
    #[serde(default)]
    pub is_longest: bool,
    /// The catalogue file's stamp when the binding was last compared with it; empty: never.
    #[serde(default)]
    pub catalogue_stamp: String,
}

/// What a lease was issued for. It is used only where the catalogue still says the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Where its credential may go: addresses with the digest of their certificate authority, or an
    /// account.
    pub target: String,
    /// The digest of the catalogue's entry for the resource and the role, SHA-256 in hex.
    pub resource: String,
}

/// What a lease is good for at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Its credential works for a while.
    Fresh,
    /// Its grant lives, its credential is about to end: renew.
    Renewable,
    /// Its grant is over: ask again.
    Over,
}

impl Lease {
    /// Whether its credential works for some seconds yet, where no better one is to be had.
    pub fn works(&self, now: Timestamp) -> bool {
        self.freshness(now) != Freshness::Over && self.credential.expires_at.left(now) >= LEAST
    }

    /// What the lease is good for at `now`. A lease from the future (the clock was set back by more
    /// than the skew that we tolerate) is over: nothing that it says about time can be believed.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        if now.after(CLOCK_SKEW) < self.issued_at || !self.grant.is_live(now) {
            return Freshness::Over;
        }
        if now < self.renew_at() {
            Freshness::Fresh
        } else {
            Freshness::Renewable
        }
    }

    /// When the authority last said that the grant stands.
    pub fn stood_at(&self) -> Timestamp {
        let confirmed_at = self.confirmed_at.unwrap_or(self.issued_at);
        confirmed_at.max(self.issued_at)
    }

    /// From when on its credential is to be renewed.
    pub fn renew_at(&self) -> Timestamp {
        let whole = self.credential.expires_at.left(self.issued_at);
        let margin = REFRESH_MARGIN.min(whole / 4);
        self.credential.expires_at.before(margin)
    }

    /// Whether it is enough for a tool that keeps its credential to its own end: the longest that was to be
    /// had, with half of its life left, or one that ends with the grant.
    pub fn is_enough_to_keep(&self, now: Timestamp) -> bool {
        let whole = self.credential.expires_at.left(self.issued_at);
        let has_half = self.credential.expires_at.left(now) >= whole / 2;
        self.is_last() || (self.is_longest && has_half)
    }

    /// Whether its credential ends with the grant (credentials end at whole seconds), so that
    /// renewing it would gain nothing.
    pub fn is_last(&self) -> bool {
        self.credential.expires_at.after(Duration::from_secs(1)) > self.grant.expires_at
    }
}
