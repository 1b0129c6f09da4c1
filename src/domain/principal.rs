//! Who asks: a human, a workload or an agent, canonicalised once and compared byte for byte.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::failure::{Failure, Result};

/// The class of a principal; each is an entity type in the Cedar schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// A person.
    Human,
    /// A CI job, a service, a host.
    Workload,
    /// An AI agent or a script that acts for somebody.
    Agent,
}

impl Class {
    /// The class as Cedar names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "Human",
            Self::Workload => "Workload",
            Self::Agent => "Agent",
        }
    }
}

/// Who asks. The name passed an allow-list of characters, so that it can go into a certificate, a
/// token, a log line or SQL text as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Principal {
    class: Class,
    name: String,
}

#[derive(Deserialize)]
struct Written {
    class: Class,
    name: String,
}

impl TryFrom<Written> for Principal {
    type Error = Failure;

    fn try_from(written: Written) -> Result<Self> {
        Self::new(written.class, &written.name)
    }
}

impl Principal {
    /// A principal of `class`; refuses a name that is not 1 to 128 of `A-Z a-z 0-9 . _ - @ +`
    /// starting with a letter, a digit or an underscore.
    pub fn new(class: Class, name: &str) -> Result<Self> {
        let plain = name.len() <= 128
            && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-@+".contains(c));
        if plain {
            return Ok(Self {
                class,
                name: name.to_owned(),
            });
        }
        Err(
            Failure::failed(format!("{name:?} cannot be a principal's name"))
                .hint("a principal's name is letters, digits and . _ - @ +, 128 at most"),
        )
    }

    /// The class.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// The canonical name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A principal with what the authority knows about it at the time of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// The names of the groups that it is in.
    pub groups: BTreeSet<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_principal_is_refused() {
        for name in [
            "",
            "a,b",
            "a b",
            "a\nb",
            "`id`",
            "a\0",
            "root;",
            "ä",
            "-oProxyCommand=x",
        ] {
            assert!(Principal::new(Class::Human, name).is_err(), "{name:?}");
        }
        assert!(Principal::new(Class::Human, "alice@example.com").is_ok());
    }
}
