//! One entry of the ledger: who, what, when, why, by which policies, with which credential.

use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    checkpoint::Checkpoint,
    decision::Verdict,
    entitlement::Entitlement,
    failure::{Failure, did_you_mean},
    id::GrantId,
    principal::Principal,
    time::Timestamp,
};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Policy said yes.
    Granted,
    /// Policy said no.
    Denied,
    /// Approval was skipped in an emergency; must be reviewed.
    BreakGlass,
    /// A credential was made.
    Issued,
    /// A credential could not be made.
    IssueFailed,
    /// A grant was ended early.
    Revoked,
    /// What a revocation could not yet undo at the target.
    RevokeFailed,
    /// A host's key was vouched for. It is no elevation: the id is its own, and `host` stands for a role.
    HostCertified,
    /// People were asked.
    Requested,
    /// One of them said yes.
    Approved,
    /// Whoever asked gave it up.
    Abandoned,
    /// A session began.
    SignedIn,
    /// A session ended early.
    SignedOut,
    /// A session was handed to an agent, narrowed.
    Delegated,
    /// Somebody may not come any more; all that they had ended.
    Disabled,
    /// Somebody may come again.
    Enabled,
    /// A host or a bot became known by a key of its own, or by a new one.
    Enrolled,
    /// A signing key, or the key that seals them, was replaced.
    Rotated,
    /// A ledger that lacks what was once recorded, or holds something else in its place, was taken all
    /// the same.
    LossAccepted,
    /// The operator of a server let people in again whose provider moved, or made an administrator.
    Recovered,
    /// A session goes on although it is time to show again who it is of: the provider is away.
    AttestationDeferred,
    /// Whoever asked gave a further reason for what they hold or wait for.
    Justified,
}

impl EventKind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [Self; 22] = [
        Self::Granted,
        Self::Denied,
        Self::BreakGlass,
        Self::Issued,
        Self::IssueFailed,
        Self::Revoked,
        Self::RevokeFailed,
        Self::HostCertified,
        Self::Requested,
        Self::Approved,
        Self::Abandoned,
        Self::SignedIn,
        Self::SignedOut,
        Self::Delegated,
        Self::Disabled,
        Self::Enabled,
        Self::Enrolled,
        Self::Rotated,
        Self::LossAccepted,
        Self::Recovered,
        Self::AttestationDeferred,
        Self::Justified,
    ];

    /// The kind as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::BreakGlass => "break-glass",
            Self::Issued => "issued",
            Self::IssueFailed => "issue-failed",
            Self::Revoked => "revoked",
            Self::RevokeFailed => "revoke-failed",
            Self::HostCertified => "host-certified",
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Abandoned => "abandoned",
            Self::SignedIn => "signed-in",
            Self::SignedOut => "signed-out",
            Self::Delegated => "delegated",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::Enrolled => "enrolled",
            Self::Rotated => "rotated",
            Self::LossAccepted => "loss-accepted",
            Self::Recovered => "recovered",
            Self::AttestationDeferred => "attestation-deferred",
            Self::Justified => "justified",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            let near = did_you_mean(text, names);
            Failure::usage(format!("`{text}` is not a kind of event"))
                .hint(format!("{near}the kinds are {}", names.join(", ")))
        })
    }
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The client's host name.
    pub host: String,
    /// The client's terminal, if it has one: `/dev/pts/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// The program that was to be run, without its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The address that a server saw it come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

/// An event before the ledger gave it its place. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// To which elevation; of a sign-in, the session.
    pub grant: GrantId,
    /// Who.
    pub principal: Principal,
    /// Whom an agent acts for: who delegated to it, and who to that one, up to a human.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Principal>,
    /// Who did it, where it is not the principal itself: an approver, an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Principal>,
    /// Of what people granted: all who approved it, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Principal>,
    /// What; absent where it is about no entitlement (a sign-in).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<Entitlement>,
    /// Why, in the caller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// What policy answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Serial number, `jti`, role or access key id of the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// When the grant (of `granted`) or the credential (of `issued`) ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// From where it was asked.
    #[serde(default)]
    pub origin: Origin,
    /// Milliseconds from the ask: `decided`, `issued`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub took_ms: BTreeMap<String, u64>,
    /// What went wrong, for the kinds that end in `-failed`, and why a denial is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Of `loss-accepted`: the checkpoint that the ledger contradicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Box<Checkpoint>>,
    /// Of a decision: the digest of the policies that were in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_digest: Option<Box<str>>,
    /// Of what decides whose the name of a person is: a digest of the account that it belongs to from then on;
    /// `none` where it belongs to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Box<str>>,
}

impl Event {
    /// An event of which nothing more is known yet.
    pub const fn new(
        kind: EventKind,
        at: Timestamp,
        grant: GrantId,
        principal: Principal,
        origin: Origin,
    ) -> Self {
        Self {
            kind,
            at,
            grant,
            principal,
            chain: Vec::new(),
            by: None,
            approvers: Vec::new(),
            entitlement: None,
            justification: None,
            verdict: None,
            policies: Vec::new(),
            credential: None,
            expires_at: None,
            origin,
            took_ms: BTreeMap::new(),
            detail: None,
            checkpoint: None,
            policy_digest: None,
            account: None,
        }
    }
}

/// An event in its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place: 1, 2, 3, …
    pub seq: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// SHA-256 over the previous entry's hash, the place and the event's text; lower-case hex.
    pub hash: String,
}

/// Which events to list; an absent field selects everything.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// The principal.
    pub principal: Option<Principal>,
    /// Who did it to somebody else: an approver, an administrator.
    pub by: Option<Principal>,
    /// The resource, `kind/name`.
    pub resource: Option<String>,
    /// The role.
    pub role: Option<String>,
    /// The grant.
    pub grant: Option<GrantId>,
    /// The kind.
    pub kind: Option<EventKind>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Behind this place, the oldest first: a cursor.
    pub after: Option<i64>,
    /// The newest so many.
    pub limit: Option<u32>,
}
