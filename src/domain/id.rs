//! The id of an elevation, which is the id of its grant too.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    failure::{Failure, Result},
    time::Timestamp,
};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

/// A ULID in lower case: 48 bits of time, 80 random bits, 26 characters of Crockford's base 32.
///
/// It sorts by time and is a legal Kubernetes name, SQL identifier part, SSH key id and AWS session
/// name, so that it can travel into each target's own log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GrantId(String);

impl GrantId {
    /// The id of an elevation that was asked for at `at`.
    pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
        let time = u128::try_from(at.millis().max(0)).unwrap_or(0) & 0xffff_ffff_ffff;
        let chance = random
            .iter()
            .fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
        let number = (time << 80) | chance;
        let text = (0..LENGTH)
            .rev()
            .map(|place| {
                let digit = usize::try_from((number >> (5 * place)) & 31).unwrap_or(0);
                char::from(*ALPHABET.get(digit).unwrap_or(&b'0'))
            })
            .collect();
        Self(text)
    }

    /// The 26 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GrantId {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Ok(Self(text.to_owned()));
        }
        Err(Failure::usage(format!("{text:?} is not a grant's id"))
            .hint("\"jit status\" and \"jit audit\" list the ids of grants"))
    }
}

impl TryFrom<String> for GrantId {
    type Error = Failure;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<GrantId> for String {
    fn from(id: GrantId) -> Self {
        id.0
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_survive_their_text() {
        let early = GrantId::new(Timestamp::from_secs(1), [255; 10]);
        let late = GrantId::new(Timestamp::from_secs(2), [0; 10]);
        assert!(early < late);
        assert_eq!(early.as_str().parse::<GrantId>().unwrap(), early);
        assert!("../../etc/passwd".parse::<GrantId>().is_err());
    }
}
