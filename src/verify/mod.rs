//! Whether a token that somebody else signed is what it says: of an OpenID provider (ID tokens, OpenID
//! Connect Core 1.0) or of any issuer of workload identities (JWTs, RFC 7519, after RFC 8725).

mod check;
mod claims;
pub mod discovery;
pub mod fault;
pub mod header;
pub mod issuer;
pub mod jwks;
mod logout;
#[cfg(test)]
mod tests;
pub mod trusted;
mod userinfo;
