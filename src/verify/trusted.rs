//! Whose word counts here and for what, and what such a word says.

use std::collections::BTreeSet;

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::{claims, jwks::KeySet};
use crate::domain::time::Timestamp;

/// The algorithms of signatures that only the holder of a private key can make.
pub const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What a token is for, which decides what it must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An ID token of a person (OpenID Connect Core 1.0, section 2): `iat` and `azp` are looked at too.
    IdToken,
    /// A workload's own identity.
    Workload,
    /// A logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4): its event is looked at, and it need
    /// name no subject.
    Logout,
    /// The same as [`Self::Workload`] of an issuer whose tokens need not name it (a SPIFFE trust domain's).
    Unnamed,
}

impl Purpose {
    /// The types (`typ`) that such a token may have; one without a type is a JWT.
    pub(super) const fn types(self) -> &'static [&'static str] {
        match self {
            Self::IdToken => &["JWT", "JOSE"],
            Self::Logout => &["JWT", "JOSE", "logout+jwt", "application/logout+jwt"],
            // An access token of RFC 9068 (section 2.1) is what a client has of its own.
            Self::Workload | Self::Unnamed => &["JWT", "JOSE", "at+jwt", "application/at+jwt"],
        }
    }
}

/// From where an issuer's public keys are had.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// The issuer's metadata says where they are.
    Discovered,
    /// They are at this URL.
    At(String),
    /// They are these; the issuer is not asked.
    Given(KeySet),
}

/// An issuer whose word counts here, and for what.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// Its URL, compared byte for byte.
    pub issuer: String,
    /// For whom its tokens must be: one of these.
    pub audiences: BTreeSet<String>,
    /// What its tokens may be signed with, of [`ALGORITHMS`]; what is beyond them never counts.
    pub algorithms: Vec<Algorithm>,
    /// From where its keys are had.
    pub keys: KeySource,
    /// Its TLS certificate authority (PEM), where it is not a public one.
    pub authority: Option<Vec<u8>>,
    /// What its tokens are for.
    pub purpose: Purpose,
}

/// What a token that was verified says.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Whose word it is.
    pub issuer: String,
    /// Of whom (`sub`).
    pub subject: String,
    /// Since when (`iat`).
    pub issued_at: Option<Timestamp>,
    /// Until when (`exp`).
    pub expires_at: Timestamp,
    /// SHA-256 of what of the token is signed, hex: by this name it can be refused the second time.
    pub id: String,
    /// All that it claims.
    pub claims: Map<String, Value>,
}

impl Verified {
    /// A claim that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        claims::text(&self.claims, name)
    }

    /// A claim that is a list of texts, or one text.
    pub fn texts(&self, name: &str) -> BTreeSet<String> {
        match self.claims.get(name) {
            Some(Value::String(one)) => [one.clone()].into(),
            Some(Value::Array(many)) => {
                let texts = many.iter().filter_map(Value::as_str);
                texts.map(str::to_owned).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// A claim that is an instant (`auth_time`).
    pub fn instant(&self, name: &str) -> Option<Timestamp> {
        claims::instant(&self.claims, name).ok().flatten()
    }
}
