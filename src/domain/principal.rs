//! Who asks: a human, a workload or an agent, canonicalised once and compared byte for byte.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    failure::{Failure, Result},
    time::Timestamp,
};

/// The group of those who may change the authority itself; the first of them comes in by a code on the
/// server's terminal, so that no catalogue has to list them.
pub const ADMINISTRATORS: &str = "administrators";

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

impl Principal {
    /// Somebody as a person writes it: `alice`, `workload/ci`, `agent/helper`. No name holds a slash,
    /// so that a class is never a name.
    pub fn parse(written: &str) -> Result<Self> {
        let (class, name) = match written.split_once('/') {
            None => (Class::Human, written),
            Some(("human", name)) => (Class::Human, name),
            Some(("workload", name)) => (Class::Workload, name),
            Some(("agent", name)) => (Class::Agent, name),
            Some(_) => {
                return Err(Failure::failed(format!("{written:?} is not a principal"))
                    .hint("write a name, workload/NAME or agent/NAME"));
            }
        };
        Self::new(class, name)
    }

    /// Whether both would be taken for one: the same, whatever the case of its letters. Where two must
    /// be different people, those are not.
    pub fn is_twin(&self, other: &Self) -> bool {
        self.class == other.class && self.name.eq_ignore_ascii_case(&other.name)
    }

    /// The principal as a person writes it.
    pub fn written(&self) -> String {
        match self.class {
            Class::Human => self.name.clone(),
            Class::Workload => format!("workload/{}", self.name),
            Class::Agent => format!("agent/{}", self.name),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A principal with what the authority knows about it at the time of asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// The names of the groups that it is in.
    pub groups: BTreeSet<String>,
    /// What the one who vouched for it says beyond that (`repository_id`); policies read it as tags.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// How it signed in, where it did.
    #[serde(default)]
    pub sign_in: Option<SignIn>,
    /// The groups that the newest attestation of the principal names, in whichever session that was;
    /// absent where it is not known.
    #[serde(skip)]
    pub newest_groups: Option<BTreeSet<String>>,
}

impl Caller {
    /// Somebody of whom only the groups are known.
    pub const fn new(principal: Principal, groups: BTreeSet<String>) -> Self {
        Self {
            principal,
            groups,
            attributes: BTreeMap::new(),
            sign_in: None,
            newest_groups: None,
        }
    }

    /// The caller without the groups that the newest attestation of the principal does not name any more.
    #[must_use]
    pub fn narrowed(mut self, newest: Option<BTreeSet<String>>) -> Self {
        if let Some(newest) = &newest {
            self.groups.retain(|group| newest.contains(group));
        }
        self.newest_groups = newest;
        self
    }

    /// The caller as policy is asked about it. Where the newest attestation adds a group, policy must permit
    /// the caller in those groups too: the new group permits nothing here, but it may forbid.
    pub fn for_policy(&self) -> Vec<Cow<'_, Self>> {
        let mut callers = vec![Cow::Borrowed(self)];
        if let Some(newest) = &self.newest_groups
            && !newest.is_subset(&self.groups)
        {
            callers.push(Cow::Owned(Self {
                groups: newest.clone(),
                ..self.clone()
            }));
        }
        callers
    }
}

/// Age and strength of a sign-in, as the OpenID provider tells it (OpenID Connect Core 1.0, section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// `auth_time`: when the person last proved who they are.
    pub at: Timestamp,
    /// `amr` (RFC 8176): by which methods.
    pub methods: BTreeSet<String>,
    /// `acr`: the authentication context class.
    pub context: Option<String>,
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
