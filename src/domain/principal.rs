//! Who asks: a human, a workload or an agent, canonicalised once and compared byte for byte.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    failure::{Failure, Result},
    person_name,
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
    /// The person whom a provider calls so: the name is made canonical.
    ///
    /// # Errors
    /// The text can be nobody's name.
    pub fn of_provider(name: &str) -> Result<Self> {
        let canonical = person_name::canonical(name);
        Self::new(Class::Human, canonical.as_deref().unwrap_or(name))
    }

    /// A person as somebody writes them: by the name that they have here, in whichever case, or as the
    /// provider calls them.
    ///
    /// # Errors
    /// The text can be nobody's name.
    pub fn person(name: &str) -> Result<Self> {
        Self::new(Class::Human, &name.to_ascii_lowercase()).or_else(|_| Self::of_provider(name))
    }

    /// Somebody as a person writes it: `alice`, `workload/ci`, `agent/helper`. No name holds a slash,
    /// so that a class is never a name. People's names are made canonical; those of machines and agents
    /// are as their configuration writes them.
    pub fn parse(written: &str) -> Result<Self> {
        match written.split_once('/') {
            None => Self::person(written),
            Some(("human", name)) => Self::person(name),
            Some(("workload", name)) => Self::new(Class::Workload, name),
            Some(("agent", name)) => Self::new(Class::Agent, name),
            Some(_) => Err(Failure::failed(format!("{written:?} is not a principal"))
                .hint("write a name, workload/NAME or agent/NAME")),
        }
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

/// Which sign-ins count as strong: by more than one factor, in the provider's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StrongSignIn {
    /// The values of `acr` that do; one is enough.
    pub acr_values: BTreeSet<String>,
    /// The values of `amr` (RFC 8176) that do; one is enough.
    pub amr_values: BTreeSet<String>,
}

impl StrongSignIn {
    /// Whether no sign-in counts as strong.
    pub fn is_empty(&self) -> bool {
        self.acr_values.is_empty() && self.amr_values.is_empty()
    }

    /// Whether that sign-in is strong. A provider may ignore what it was asked for, so only what it says
    /// it did counts.
    pub fn includes(&self, sign_in: &SignIn) -> bool {
        let class = sign_in.context.as_ref();
        class.is_some_and(|class| self.acr_values.contains(class))
            || !self.amr_values.is_disjoint(&sign_in.methods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_is_strong_by_what_the_provider_says_of_it_alone() {
        let set = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let sign_in = |amr: &[&str], acr: Option<&str>| SignIn {
            at: Timestamp::from_secs(0),
            methods: set(amr),
            context: acr.map(str::to_owned),
        };
        let strong = StrongSignIn {
            acr_values: set(&["phr", "mfa"]),
            amr_values: set(&["otp"]),
        };
        assert!(strong.includes(&sign_in(&["pwd"], Some("mfa"))));
        assert!(strong.includes(&sign_in(&["pwd", "otp"], None)));
        assert!(!strong.includes(&sign_in(&["pwd"], Some("0"))));
        assert!(!strong.includes(&sign_in(&["pwd", "phr"], None)));
        assert!(!strong.includes(&sign_in(&[], None)));
        assert!(!StrongSignIn::default().includes(&sign_in(&["otp"], Some("phr"))));
    }

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

    #[test]
    fn a_person_is_one_principal_in_whichever_case_their_name_is_written() {
        let parsed = |written: &str| Principal::parse(written).unwrap();
        for written in ["First.Last@Example.com", "human/FIRST.LAST@example.com"] {
            assert_eq!(parsed(written).name(), "first.last@example.com");
        }
        assert_eq!(parsed("O'Brien").name(), "o_x0027_brien");
        assert_eq!(parsed("o_x0027_brien").name(), "o_x0027_brien");
        assert_ne!(
            Principal::of_provider("o_x0027_brien").unwrap(),
            Principal::of_provider("o'brien").unwrap()
        );
        assert_eq!(parsed("workload/CI-Prod").name(), "CI-Prod");
        assert!(Principal::parse("not a name").is_err());
    }
}
