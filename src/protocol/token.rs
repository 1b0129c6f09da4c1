//! The words of a token exchange (RFC 8693), which client and server share.

/// `grant_type`
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// An ID token of an OpenID provider, of a person.
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// A workload's token of its own issuer.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// A `GetCallerIdentity` of AWS, signed and not sent.
pub const AWS: &str = "urn:jit:token-type:aws";
/// Something said with an enrolled key, or with one that is to be.
pub const KEY: &str = "urn:jit:token-type:key";
/// What comes of it: the token of a session.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// How it is shown (RFC 9449, section 5).
pub const DPOP: &str = "DPoP";
