//! Key pairs: Ed25519 (RFC 8032), in the 32 bytes that every format wraps, and P-256 for the targets
//! that verify nothing newer.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The public half: 32 bytes, written as base64url without padding (as a JWK's `x`, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Base64url without padding.
    pub fn to_base64url(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64url())
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        thirty_two(&String::deserialize(deserializer)?)
            .map(Self)
            .ok_or_else(|| D::Error::custom("not an Ed25519 public key"))
    }
}

/// The private half: the 32-byte seed and its public key. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct PrivateKey {
    seed: SecretSlice<u8>,
    public: PublicKey,
}

impl PrivateKey {
    /// The pair of `seed` and the public key that belongs to it.
    pub fn new(seed: [u8; 32], public: PublicKey) -> Self {
        Self {
            seed: seed.to_vec().into(),
            public,
        }
    }

    /// The public half.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The 32-byte seed, for the one place that wraps it into a format.
    pub fn expose_seed(&self) -> &[u8] {
        self.seed.expose_secret()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// Only ever written into something that is sealed at once.
impl Serialize for PrivateKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let both = (
            URL_SAFE_NO_PAD.encode(self.expose_seed()),
            self.public.to_base64url(),
        );
        both.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PrivateKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seed, public) = <(String, String)>::deserialize(deserializer)?;
        match (thirty_two(&seed), thirty_two(&public)) {
            (Some(seed), Some(public)) => Ok(Self::new(seed, PublicKey(public))),
            _ => Err(D::Error::custom("not an Ed25519 key pair")),
        }
    }
}

/// The public half of a P-256 key: a point on the curve, as a JWK has it (RFC 7518, 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcPublicKey {
    /// Its first coordinate, big-endian.
    pub x: [u8; 32],
    /// Its second coordinate, big-endian.
    pub y: [u8; 32],
}

/// A P-256 key pair, for ES256 (RFC 7518, 3.4). Wiped when dropped, never printed.
#[derive(Clone)]
pub struct EcKey {
    pkcs8: SecretSlice<u8>,
    public: EcPublicKey,
}

impl EcKey {
    /// The private key in PKCS #8 (RFC 5958), DER, and the public key that belongs to it.
    pub fn new(pkcs8: SecretSlice<u8>, public: EcPublicKey) -> Self {
        Self { pkcs8, public }
    }

    /// The public half.
    pub const fn public(&self) -> EcPublicKey {
        self.public
    }

    /// The private key in PKCS #8, DER: to sign with, and to seal.
    pub fn expose_pkcs8(&self) -> &[u8] {
        self.pkcs8.expose_secret()
    }
}

impl fmt::Debug for EcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

fn thirty_two(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}
