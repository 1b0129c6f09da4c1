//! Random bytes, Ed25519 and P-256 key pairs and the hash, all from aws-lc.

use std::fmt::Write as _;

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac, rand,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        UnparsedPublicKey,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretSlice};
use zeroize::Zeroizing;

use crate::domain::{
    failure::{Failure, Result},
    key::{EcKey, EcPublicKey, PrivateKey, PublicKey},
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

/// A new P-256 key pair.
pub fn generate_ec() -> Result<EcKey> {
    let broken = || Failure::failed("a P-256 key cannot be made");
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| broken())?;
    let pkcs8 = pair.to_pkcs8v1().map_err(|_| broken())?;
    ec_from_pkcs8(pkcs8.as_ref())
}

/// The P-256 pair in a PKCS #8 document (RFC 5958), DER.
pub fn ec_from_pkcs8(pkcs8: &[u8]) -> Result<EcKey> {
    let broken = || Failure::failed("a key in the store is not a P-256 key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
    let pair = pair.map_err(|_| broken())?;
    // The uncompressed point (SEC 1, 2.3.3): 4, then both coordinates.
    let Some((4, point)) = pair.public_key().as_ref().split_first() else {
        return Err(broken());
    };
    let (x, y) = point.split_at_checked(32).ok_or_else(broken)?;
    let public = EcPublicKey {
        x: x.try_into().map_err(|_| broken())?,
        y: y.try_into().map_err(|_| broken())?,
    };
    Ok(EcKey::new(SecretSlice::from(pkcs8.to_vec()), public))
}

/// The thumbprint of a P-256 key, by which tokens name the one that signed them (RFC 7638): base64url.
pub fn thumbprint(key: &EcPublicKey) -> String {
    let [x, y] = [key.x, key.y].map(|part| URL_SAFE_NO_PAD.encode(part));
    let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(sha256(jwk.as_bytes()))
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

/// A key by whose codes a message is known again (HMAC-SHA-256, RFC 2104).
#[derive(Debug)]
pub struct MacKey(hmac::Key);

impl MacKey {
    /// The key of these bytes, which are as many as the hash has.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The code of a message.
    pub fn code(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, message).as_ref().to_vec()
    }

    /// Whether that is its code.
    pub fn is_of(&self, message: &[u8], code: &[u8]) -> bool {
        hmac::verify(&self.0, message, code).is_ok()
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p_256_key_survives_its_document_and_shows_nothing_of_it() {
        let key = generate_ec().unwrap();
        let again = ec_from_pkcs8(key.expose_pkcs8()).unwrap();
        assert_eq!(key.public(), again.public());
        assert!(!format!("{key:?}").contains("pkcs8"));
        assert!(ec_from_pkcs8(&[]).is_err());
        assert!(ec_from_pkcs8(&to_pkcs8(&generate().unwrap()).unwrap()).is_err());
    }

    /// The key of RFC 7517, A.1; its thumbprint is what openssl and sha256sum make of it.
    #[test]
    fn a_thumbprint_is_what_others_make_of_the_key() {
        let part = |text| -> [u8; 32] {
            let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            bytes.try_into().unwrap()
        };
        let key = EcPublicKey {
            x: part("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"),
            y: part("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"),
        };
        assert_eq!(
            thumbprint(&key),
            "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"
        );
    }
}
