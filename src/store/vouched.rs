//! Rows that say who somebody is, and what was granted. Whoever can write the database and has not its
//! sealing key must get nothing by it, so the authority believes the rows that it wrote itself, and no
//! others.
//!
//! A code says who wrote a row, not when: a row that is put back as it once was is believed. What may not
//! be undone that way is asked of the ledger, which tells when it was changed.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use prometheus_client::metrics::counter::Counter;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    domain::failure::{Failure, Result},
    platform::keys::MacKey,
};

/// What the store knows the key by. It makes codes and never signs, and is not rotated: rows outlive
/// each generation of a key.
pub const PURPOSE: &str = "rows";

/// What this authority knows its own rows by. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Voucher {
    key: Arc<MacKey>,
    refused: Counter,
}

impl Voucher {
    /// Whoever has that secret. Rows that are refused are counted in `refused`.
    pub(super) fn new(secret: &[u8], refused: &Counter) -> Self {
        Self {
            key: Arc::new(MacKey::new(secret)),
            refused: refused.clone(),
        }
    }

    /// Counts and describes a row that this authority did not write.
    pub(super) fn forged(&self) -> Failure {
        self.refused.inc();
        Failure::failed("a row of the store was not written by this authority")
            .hint("somebody else changes its database: see who may, and restore it from a backup")
    }

    /// Counts and describes a row that this authority wrote, and has replaced since.
    pub(super) fn replaced(&self) -> Failure {
        Failure {
            message: "a row of the store is not the one that this authority wrote last".to_owned(),
            ..self.forged()
        }
    }

    /// Something as text for a column, with a code for it and for what stands `beside` it.
    pub(super) fn write(
        &self,
        beside: &[impl AsRef<str>],
        what: &impl Serialize,
    ) -> Result<String> {
        let text = serde_json::to_string(what)
            .map_err(|error| Failure::failed("a row cannot be written").because(&error))?;
        Ok(format!("{} {text}", self.code(beside, &text)))
    }

    /// What such a text says.
    ///
    /// # Errors
    /// The row was not written by this authority, or not like this.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        beside: &[impl AsRef<str>],
        written: &str,
    ) -> Result<T> {
        let (code, text) = written.split_once(' ').unwrap_or_default();
        if !self.is_code(beside, text, code) {
            return Err(self.forged());
        }
        serde_json::from_str(text)
            .map_err(|error| Failure::failed("a row of the store cannot be read").because(&error))
    }

    /// A code for the entry of the ledger at place `seq` whose hash is `hash`. The hash covers the entry and
    /// all before it.
    pub(super) fn entry_code(&self, seq: i64, hash: &str) -> String {
        self.code(&["event", &seq.to_string()], hash)
    }

    /// Whether that code is of the entry at place `seq` with that hash: whether this authority wrote it.
    pub(super) fn is_entry_code(&self, seq: i64, hash: &str, code: &str) -> bool {
        self.is_code(&["event", &seq.to_string()], hash, code)
    }

    /// A code for that text and for what stands `beside` it.
    pub(super) fn code(&self, beside: &[impl AsRef<str>], text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.key.code(message(beside, text).as_bytes()))
    }

    /// Whether that code is of that text and of what stands `beside` it.
    pub(super) fn is_code(&self, beside: &[impl AsRef<str>], text: &str, code: &str) -> bool {
        let code = URL_SAFE_NO_PAD.decode(code).unwrap_or_default();
        self.key.is_of(message(beside, text).as_bytes(), &code)
    }
}

/// What a code is of: no two rows that differ say the same.
fn message(beside: &[impl AsRef<str>], text: &str) -> String {
    let beside = beside.iter().map(AsRef::as_ref);
    let lengths = beside.map(|one: &str| format!("{} {one} ", one.len()));
    lengths.chain([text.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_believed_whole_and_where_it_stands() {
        let voucher = Voucher::new(&[1; 32], &Counter::default());
        let written = voucher.write(&["session", "1"], &"who").unwrap();
        let read =
            |beside: &[&str], text: &str| -> Option<String> { voucher.read(beside, text).ok() };
        assert_eq!(read(&["session", "1"], &written).as_deref(), Some("who"));
        let other = Voucher::new(&[2; 32], &Counter::default());
        let others: Result<String> = other.read(&["session", "1"], &written);
        assert!(others.is_err());
        for (beside, text) in [
            (&["session", "2"][..], written.clone()),
            (&["session1", ""], written.clone()),
            (&["session", "1"], written.replace("who", "wha")),
            (&["session", "1"], "\"who\"".to_owned()),
            (&["session", "1"], " \"who\"".to_owned()),
            (&["session", "1"], String::new()),
        ] {
            assert_eq!(read(beside, &text), None, "{beside:?} {text}");
        }
        assert_eq!(voucher.refused.get(), 6);
    }
}
