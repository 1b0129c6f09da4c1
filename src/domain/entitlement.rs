//! What is reached and what is done there: kind, resource, role, entitlement, tier.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::failure::{Failure, Result, did_you_mean};

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Hosts reached by OpenSSH.
    Ssh,
    /// A Kubernetes cluster.
    Kubernetes,
    /// A PostgreSQL server.
    Postgres,
    /// An AWS account.
    Aws,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Ssh, Self::Kubernetes, Self::Postgres, Self::Aws];

    /// The kind as it is written: `ssh`, `kubernetes`, `postgres`, `aws`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Kubernetes => "kubernetes",
            Self::Postgres => "postgres",
            Self::Aws => "aws",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            let near = did_you_mean(text, Self::ALL.map(Self::as_str));
            Failure::usage(format!("{text:?} is not a kind of resource"))
                .hint(format!("{near}kinds are ssh, kubernetes, postgres and aws"))
        })
    }
}

/// Whether `name` may name a resource or a role: letters, digits and `. _ - @ +` after a letter,
/// digit or underscore, 64 characters at most. Nothing that a shell, a file system, a certificate
/// or SQL reads as more than text.
fn is_plain(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric() || first == '_')
        && name.len() <= 64
        && characters.all(|c| c.is_ascii_alphanumeric() || "._-@+".contains(c))
}

/// What is reached, written `kind/name`: `kubernetes/prod`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceName {
    kind: Kind,
    name: String,
}

impl ResourceName {
    /// The kind before the slash.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The name behind the slash.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for ResourceName {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let shape = "write it as kind/name, for example kubernetes/prod";
        let Some((kind, name)) = text.split_once('/') else {
            return Err(Failure::usage(format!("{text:?} is not a resource")).hint(shape));
        };
        let kind = kind.parse()?;
        if !is_plain(name) {
            return Err(Failure::usage(format!("{name:?} cannot name a resource"))
                .hint("use letters, digits and . _ - @ +, 64 at most"));
        }
        Ok(Self {
            kind,
            name: name.to_owned(),
        })
    }
}

impl TryFrom<String> for ResourceName {
    type Error = Failure;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ResourceName> for String {
    fn from(name: ResourceName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// What is done at a resource: `view`, a login name, a database role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(String);

impl RoleName {
    /// The role as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleName {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        if is_plain(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Failure::usage(format!("{text:?} cannot name a role"))
            .hint("use letters, digits and . _ - @ +, 64 at most"))
    }
}

impl TryFrom<String> for RoleName {
    type Error = Failure;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<RoleName> for String {
    fn from(name: RoleName) -> Self {
        name.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Resource and role together, written `kubernetes/prod:view`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Entitlement {
    /// What is reached.
    pub resource: ResourceName,
    /// What is done there.
    pub role: RoleName,
}

impl FromStr for Entitlement {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let Some((resource, role)) = text.split_once(':') else {
            return Err(Failure::usage(format!("{text:?} is not an entitlement"))
                .hint("write it as kind/name:role, for example kubernetes/prod:view"));
        };
        Ok(Self {
            resource: resource.parse()?,
            role: role.parse()?,
        })
    }
}

impl TryFrom<String> for Entitlement {
    type Error = Failure;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Entitlement> for String {
    fn from(entitlement: Entitlement) -> Self {
        entitlement.to_string()
    }
}

impl fmt::Display for Entitlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource, self.role)
    }
}

/// How sensitive an entitlement is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Granted by policy alone.
    #[default]
    Routine,
    /// Granted by policy to whoever says why.
    Elevated,
    /// Decided by a person.
    Sensitive,
}

impl Tier {
    /// Every tier, the least sensitive first.
    pub const ALL: [Self; 3] = [Self::Routine, Self::Elevated, Self::Sensitive];

    /// The tier as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Routine => "routine",
            Self::Elevated => "elevated",
            Self::Sensitive => "sensitive",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entitlement_survives_its_text() {
        let text = "kubernetes/prod:view";
        assert_eq!(text.parse::<Entitlement>().unwrap().to_string(), text);
    }

    #[test]
    fn a_hostile_name_is_refused() {
        for name in [
            "",
            "a b",
            "a\nb",
            "a,b",
            "../x",
            "$(id)",
            "a;b",
            "ä",
            "-v",
            &"x".repeat(65),
        ] {
            assert!(name.parse::<RoleName>().is_err(), "{name:?}");
            assert!(
                format!("ssh/{name}").parse::<ResourceName>().is_err(),
                "{name:?}"
            );
        }
    }

    #[test]
    fn a_mistyped_kind_names_the_nearest() {
        let failure = "kubernets/prod".parse::<ResourceName>().unwrap_err();
        assert!(
            failure.hint.starts_with("did you mean \"kubernetes\"?"),
            "{failure:?}"
        );
    }
}
