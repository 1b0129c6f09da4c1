//! The words of a token exchange (RFC 8693), which client and server share.

/// `grant_type`
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// What comes of it: the token of a session.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// How it is shown (RFC 9449, section 5).
pub const DPOP: &str = "DPoP";
