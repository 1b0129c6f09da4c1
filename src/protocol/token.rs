//! The words of a token exchange (RFC 8693), which client and server share.

use serde::Serialize;
use utoipa::ToSchema;

/// `grant_type`
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// What comes of it: the token of a session.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// How it is shown (RFC 9449, section 5).
pub const DPOP: &str = "DPoP";

/// What an OpenID provider sends to `POST /v1/backchannel-logout`, as a form.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogoutRequest {
    /// Whose sessions end (OpenID Connect Back-Channel Logout 1.0, section 2.4).
    pub logout_token: String,
}

/// What is sent to `POST /v1/token`, as a form (RFC 8693, section 2.1).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TokenRequest {
    /// `urn:ietf:params:oauth:grant-type:token-exchange`
    pub grant_type: String,
    /// By which the caller is vouched for.
    pub subject_token: String,
    /// What that is: `urn:ietf:params:oauth:token-type:id_token`, …
    pub subject_token_type: String,
    /// The access token that came with an ID token, where the server asks the provider (`userinfo`).
    pub access_token: Option<String>,
    /// The client's host name.
    pub client_host: Option<String>,
}
