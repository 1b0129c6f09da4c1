//! Random bytes, Ed25519 key pairs and the hash, all from aws-lc.

use std::fmt::Write as _;

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use secrecy::{ExposeSecret as _, SecretSlice};
use zeroize::Zeroizing;

use crate::domain::{
    failure::{Failure, Result},
    key::{PrivateKey, PublicKey},
};

/// `N` bytes from the system's random source.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| {
        Failure::failed("the system's random source does not answer")
            .hint("check that this process may call getrandom")
    })?;
    Ok(bytes)
}

/// A new Ed25519 key pair.
pub fn generate() -> Result<PrivateKey> {
    let seed = SecretSlice::from(random::<32>()?.to_vec());
    from_seed(seed.expose_secret())
}

/// The pair that belongs to a 32-byte seed.
pub fn from_seed(seed: &[u8]) -> Result<PrivateKey> {
    let broken = || Failure::failed("a key in the store is not an Ed25519 key");
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| broken())?;
    let public = pair
        .public_key()
        .as_ref()
        .try_into()
        .map_err(|_| broken())?;
    Ok(PrivateKey::new(
        seed.try_into().map_err(|_| broken())?,
        PublicKey(public),
    ))
}

/// The private key as PKCS #8 (RFC 5958, RFC 8410) in DER. Wiped when dropped.
pub fn to_pkcs8(key: &PrivateKey) -> Result<Zeroizing<Vec<u8>>> {
    let broken = || Failure::failed("a private key is not an Ed25519 key");
    Ed25519KeyPair::from_seed_and_public_key(key.expose_seed(), &key.public().0)
        .map_err(|_| broken())?
        .to_pkcs8()
        .map(|document| Zeroizing::new(document.as_ref().to_vec()))
        .map_err(|_| broken())
}

/// The Ed25519 signature of `message`: 64 bytes.
pub fn sign(key: &PrivateKey, message: &[u8]) -> Result<Vec<u8>> {
    let broken = || Failure::failed("a private key is not an Ed25519 key");
    Ed25519KeyPair::from_seed_and_public_key(key.expose_seed(), &key.public().0)
        .map_err(|_| broken())?
        .try_sign(message)
        .map(|signature| signature.as_ref().to_vec())
        .map_err(|_| broken())
}

/// Whether `signature` is that key's Ed25519 signature of `message`.
pub fn is_signed(key: PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&ED25519, key.0);
    key.verify(message, signature).is_ok()
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
