//! Signed notes: a checkpoint as text, with the signature of a key that the authority has for nothing else.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    domain::{
        checkpoint::{Checkpoint, ORIGIN},
        failure::Result,
        key::{PrivateKey, PublicKey},
    },
    platform::keys,
};

/// What the store knows the keys of checkpoints by.
pub(super) const PURPOSE: &str = "checkpoint";

/// The kind of key in a signed note: Ed25519.
const ED25519: u8 = 1;

/// A checkpoint with its signature, as it is kept and given away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The note: text and signature.
    pub note: String,
}

/// The checkpoint of a note that one of these keys signed.
pub(super) fn signed_by(keys: &[PublicKey], note: &str) -> Option<Checkpoint> {
    let (checkpoint, signatures) = Checkpoint::parse(note)?;
    let text = checkpoint.text();
    let is_signed = signatures.iter().any(|signature| {
        let bytes = STANDARD.decode(signature).unwrap_or_default();
        let (id, signature) = bytes.split_at_checked(4).unwrap_or_default();
        let mut named = keys.iter().filter(|key| key_id(**key) == id);
        named.any(|key| keys::is_signed(*key, text.as_bytes(), signature))
    });
    is_signed.then_some(checkpoint)
}

/// A checkpoint, signed with that key.
pub(super) fn sign(checkpoint: Checkpoint, key: &PrivateKey) -> Result<Signed> {
    let signature = keys::sign(key, checkpoint.text().as_bytes())?;
    let signature = [&key_id(key.public())[..], &signature].concat();
    let note = checkpoint.note(&STANDARD.encode(signature));
    Ok(Signed { checkpoint, note })
}

/// What a note calls a key: the first 4 bytes of SHA-256 over the key's name, a line's end, its kind and
/// itself.
fn key_id(key: PublicKey) -> [u8; 4] {
    let named = [ORIGIN.as_bytes(), b"\n", &[ED25519], &key.0].concat();
    let [a, b, c, d, ..] = keys::sha256(&named);
    [a, b, c, d]
}

/// A public key as verifiers of signed notes have it.
pub(super) fn verifier(key: PublicKey) -> String {
    let id = keys::hex(&key_id(key));
    let bytes = [&[ED25519][..], &key.0].concat();
    format!("{ORIGIN}+{id}+{}", STANDARD.encode(bytes))
}
