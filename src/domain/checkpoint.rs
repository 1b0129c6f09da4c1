//! A checkpoint: what the ledger was at an instant, as a note that can be signed and kept anywhere.
//!
//! A note is text and, behind an empty line, signatures of exactly that text, its last line's end
//! included (C2SP signed-note, as Go's `golang.org/x/mod/sumdb/note` has it):
//!
//! ```text
//! jit-ledger
//! 1042
//! 9d1f…64 hexadecimal digits…
//! 2026-11-25T19:00:00Z
//!
//! — jit-ledger Az3grlgt…
//! ```
//!
//! Its lines are the origin, how many entries there were, the hash of the last one, which covers all
//! before it, and when. The signature is base64 of the key's id (4 bytes) and its Ed25519 signature.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// The first line, and the name of the key.
pub const ORIGIN: &str = "jit-ledger";

/// What the ledger was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// How many entries there were: the place of the last one.
    pub seq: i64,
    /// The hash of that one: 64 hexadecimal digits.
    pub hash: String,
    /// When, in whole seconds.
    pub at: Timestamp,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let Self { seq, hash, at } = self;
        format!("{ORIGIN}\n{seq}\n{hash}\n{}\n", at.to_rfc3339_seconds())
    }

    /// The note: the text, and its signature in base64.
    pub fn note(&self, signature: &str) -> String {
        format!("{}\n— {ORIGIN} {signature}\n", self.text())
    }

    /// A note's checkpoint and its signatures by this origin, in base64.
    pub fn parse(note: &str) -> Option<(Self, Vec<&str>)> {
        let (text, signatures) = note.split_once("\n\n")?;
        let lines: Vec<&str> = text.lines().collect();
        let [ORIGIN, seq, hash, at] = lines.as_slice() else {
            return None;
        };
        let checkpoint = Self {
            seq: seq.parse().ok()?,
            hash: (*hash).to_owned(),
            at: Timestamp::parse(at)?,
        };
        let mark = format!("— {ORIGIN} ");
        let signatures = signatures
            .lines()
            .filter_map(|line| line.strip_prefix(&mark));
        let signatures: Vec<&str> = signatures.map(str::trim_end).collect();
        // What is signed is the text as it stands there, and it has one form only.
        let is_exact = checkpoint.text().strip_suffix('\n') == Some(text);
        (is_exact && !signatures.is_empty()).then_some((checkpoint, signatures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_survives_its_text_and_has_one_form_only() {
        let checkpoint = Checkpoint {
            seq: 42,
            hash: "0f".repeat(32),
            at: Timestamp::from_secs(1_800_000_000),
        };
        let note = checkpoint.note("c2ln");
        assert_eq!(
            Checkpoint::parse(&note).unwrap(),
            (checkpoint, vec!["c2ln"])
        );
        for changed in [
            note.replace("42", "+42"),
            note.replace("42", "042"),
            note.replace("jit-ledger\n", "other\n"),
            note.replace("\n\n", "\nmore\n\n"),
            note.replace("— ", "- "),
            note.replace('Z', "+00:00"),
            String::new(),
        ] {
            assert!(Checkpoint::parse(&changed).is_none(), "{changed}");
        }
    }
}
