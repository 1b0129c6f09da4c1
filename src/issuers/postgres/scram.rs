//! What PostgreSQL keeps of a password: a SCRAM-SHA-256 verifier (RFC 5802, RFC 7677).
//!
//! Computed here, the password never reaches the server or its log, and one round suffices: rounds
//! slow down the guessing of passwords that people chose. Ours are 192 random bits, and are never
//! anything else: [`Password`] cannot be made from text.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{domain::failure::Result, platform::keys};

const ROUNDS: NonZeroU32 = NonZeroU32::MIN;

/// A password of 192 random bits: 32 letters, digits, `-` and `_`, which no format has to quote.
pub(super) struct Password(SecretString);

impl Password {
    /// A new one.
    pub(super) fn random() -> Result<Self> {
        let bytes = Zeroizing::new(keys::random::<24>()?);
        Ok(Self(URL_SAFE_NO_PAD.encode(*bytes).into()))
    }

    /// What `PASSWORD` in `CREATE ROLE` takes as it is: `SCRAM-SHA-256$1:SALT$STORED:SERVER`.
    pub(super) fn verifier(&self) -> Result<String> {
        let salt = keys::random::<16>()?;
        Ok(verifier(self.0.expose_secret(), &salt, ROUNDS))
    }

    /// The text, for the credential.
    pub(super) fn into_secret(self) -> SecretString {
        self.0
    }
}

fn verifier(password: &str, salt: &[u8], rounds: NonZeroU32) -> String {
    let mut salted = Zeroizing::new([0; digest::SHA256_OUTPUT_LEN]);
    let password = password.as_bytes();
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        salt,
        password,
        &mut *salted,
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &*salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    format!(
        "SCRAM-SHA-256${rounds}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3: user "user", password "pencil". The proof that the client sends there is
    /// checked against the stored key as a server does it, the server's signature against its key.
    #[test]
    fn the_verifier_accepts_the_proof_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let text = verifier("pencil", &salt, NonZeroU32::new(4096).unwrap());
        let (head, keys) = text.rsplit_once('$').unwrap();
        assert_eq!(head, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==");
        let (stored, server) = keys.split_once(':').unwrap();
        let key = |text| hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode::<&str>(text).unwrap());
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let message = format!(
            "n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
        );
        let signature = hmac::sign(&key(server), message.as_bytes());
        assert_eq!(
            STANDARD.encode(signature),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
        let proof = STANDARD
            .decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
            .unwrap();
        let signature = hmac::sign(&key(stored), message.as_bytes());
        let client: Vec<u8> = proof
            .iter()
            .zip(signature.as_ref())
            .map(|(a, b)| a ^ b)
            .collect();
        assert_eq!(
            STANDARD.encode(digest::digest(&digest::SHA256, &client)),
            stored
        );
    }

    #[test]
    fn a_password_is_long_random_and_plain() {
        let one = Password::random().unwrap();
        let verifier = one.verifier().unwrap();
        assert!(verifier.starts_with("SCRAM-SHA-256$1:"), "{verifier}");
        let text = one.into_secret();
        let text = text.expose_secret();
        assert_eq!(text.len(), 32);
        assert!(
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        );
        assert!(!verifier.contains(text));
        let other = Password::random().unwrap().into_secret();
        assert_ne!(text, other.expose_secret());
    }
}
