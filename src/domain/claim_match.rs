//! What an attribute of a workload must be, as `match` has it: one text or pattern of several.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

use super::pattern;

/// One of these: a text as it is, or a pattern ([`super::pattern`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimMatch(BTreeSet<String>);

impl ClaimMatch {
    /// The texts and patterns, as they are written.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether an attribute of that value is one of them.
    pub fn includes(&self, value: &str) -> bool {
        self.values().any(|wanted| pattern::matches(wanted, value))
    }

    /// The texts, where none of them is a pattern.
    pub fn exact(&self) -> Option<&BTreeSet<String>> {
        let is_exact = !self.values().any(pattern::is_pattern);
        is_exact.then_some(&self.0)
    }

    /// Whether no value is one of both.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let apart = |one: &str| {
            let mut others = other.values();
            others.all(|other| pattern::are_disjoint(one, other))
        };
        self.values().all(apart)
    }
}

impl<'de> Deserialize<'de> for ClaimMatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts)
    }
}

/// Reads one text, or a list of them.
struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = ClaimMatch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ClaimMatch, E> {
        Ok(ClaimMatch([text.to_owned()].into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ClaimMatch, A::Error> {
        let mut texts = BTreeSet::new();
        while let Some(text) = list.next_element::<String>()? {
            texts.insert(text);
        }
        if texts.is_empty() {
            return Err(A::Error::custom("an empty list matches nothing"));
        }
        Ok(ClaimMatch(texts))
    }
}
