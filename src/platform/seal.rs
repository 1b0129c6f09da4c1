//! Authenticated encryption of what rests on disk: AES-256-GCM, the name of the thing bound in.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use secrecy::{ExposeSecret as _, SecretSlice};
use zeroize::Zeroizing;

use super::keys;
use crate::domain::failure::{Failure, Result};

const NONCE: usize = 12;

/// The key that seals leases and signing keys: 32 bytes.
#[derive(Clone)]
pub struct SealingKey(SecretSlice<u8>);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealingKey")
            .field(&self.fingerprint())
            .finish()
    }
}

impl SealingKey {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes.to_vec().into())
    }

    /// The bytes, for the keyring that keeps them.
    pub(super) fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// What tells it from others and says nothing about it: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let named = [b"jit sealing key ", self.0.expose_secret()].concat();
        let mut digits = keys::hex(&keys::sha256(&Zeroizing::new(named)));
        digits.truncate(16);
        digits
    }

    /// Seals `plain` as the thing called `name`: nonce, ciphertext and tag, in this order.
    pub fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let broken = || Failure::failed(format!("{name} cannot be sealed"));
        let mut text = Zeroizing::new(plain.to_vec());
        let nonce = self
            .cipher()?
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut *text)
            .map_err(|_| broken())?;
        Ok([nonce.as_ref().as_slice(), text.as_slice()].concat())
    }

    /// Opens what was sealed as the thing called `name`; `None` where it was not, or was changed.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.split_at_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .cipher()
            .ok()?
            .open_in_place(nonce, Aad::from(name.as_bytes()), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }

    fn cipher(&self) -> Result<RandomizedNonceKey> {
        RandomizedNonceKey::new(&AES_256_GCM, self.0.expose_secret())
            .map_err(|_| Failure::failed("the sealing key is not 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_thing_opens_only_whole_and_under_its_own_name() {
        let key = SealingKey::new([7; 32]);
        let sealed = key.seal("lease ssh/web:root", b"secret").unwrap();
        assert_eq!(
            key.open("lease ssh/web:root", &sealed).unwrap().as_slice(),
            b"secret"
        );
        assert!(
            key.open("lease ssh/web:deploy", &sealed).is_none(),
            "renamed"
        );
        assert!(
            SealingKey::new([8; 32])
                .open("lease ssh/web:root", &sealed)
                .is_none()
        );
        for length in 0..sealed.len() {
            assert!(
                key.open("lease ssh/web:root", &sealed[..length]).is_none(),
                "truncated"
            );
        }
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }
}
