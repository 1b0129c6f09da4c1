//! What is exchanged for a session: the types of subject tokens (RFC 8693, section 3).

/// A person's ID token.
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// An access token of a person's provider, for a session that goes on.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// A workload's token of its own issuer.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// A `GetCallerIdentity` of AWS, signed and not sent.
pub const AWS: &str = "urn:jit:token-type:aws";
/// Something said with an enrolled key, or with one that is to be.
pub const KEY: &str = "urn:jit:token-type:key";
