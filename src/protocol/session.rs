//! Sign-in and sessions over HTTP.

use std::{collections::BTreeMap, num::NonZeroU16};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::time::Timestamp;

/// How one signs in at a server (`GET /v1/sign-in`, without a session).
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SignInWays {
    /// The OpenID provider for people, if there is one.
    #[serde(default)]
    pub provider: Option<Provider>,
    /// Whether a bootstrap code is still waiting to be used.
    #[serde(default)]
    pub bootstrap: bool,
    /// The audience that a workload's token must name.
    pub audience: String,
}

/// The OpenID provider, as a native client must know it (RFC 8252).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Provider {
    /// Its issuer URL.
    pub issuer: String,
    /// The public client that `jit login` is.
    pub client_id: String,
    /// What to ask for: `openid`, `profile`, `offline_access`, …
    pub scopes: Vec<String>,
    /// Which class of sign-in to ask for where one is not enough, the best first (`acr_values`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// The oldest sign-in that begins a session, in seconds.
    pub max_age: u64,
    /// Whether the server asks it who somebody is, so that it wants the access token too.
    #[serde(default)]
    pub userinfo: bool,
    /// The port on the client's machine that it sends the browser back to; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u16>)]
    pub redirect_port: Option<NonZeroU16>,
    /// Further parameters of an authorization request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Whether a sign-in by a code on another device is taken.
    #[serde(default = "yes")]
    pub device: bool,
    /// The only authorities that vouch for its TLS, PEM; absent: the system's.
    #[serde(default)]
    pub certificate_authority: Option<String>,
}

/// What a server took that did not say it yet.
const fn yes() -> bool {
    true
}

/// The answer of `POST /v1/token` (RFC 8693, section 2.2.1).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    /// The session's token, bound to the key of the request's DPoP proof.
    pub access_token: String,
    /// `urn:ietf:params:oauth:token-type:access_token`
    pub issued_token_type: String,
    /// `DPoP`
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
    /// In how many seconds somebody must vouch for the caller again, where they must.
    #[serde(default)]
    pub attest_in: Option<u64>,
    /// What the caller should know about how they came in, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The answer of `DELETE /v1/session`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionEnded {
    /// How many other sessions the caller still has. Each may share its sign-in at the provider with the
    /// one that ended.
    pub other_sessions: u64,
}

/// Who the caller is here (`GET /v1/session`).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// As a person writes it: `alice`, `workload/ci`, `agent/helper`.
    pub principal: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// What else is known of it.
    pub attributes: BTreeMap<String, String>,
    /// By whose word.
    pub source: String,
    /// Whom it acts for, the nearest first.
    #[serde(default)]
    pub chain: Vec<String>,
    /// The only entitlements that it may ask for, where it is narrowed.
    #[serde(default)]
    pub only: Option<Vec<String>>,
    /// When the person last proved who they are.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub signed_in_at: Option<Timestamp>,
    /// When the session ends.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
}
