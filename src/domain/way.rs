//! By which identity a machine signs in at a server.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::failure::did_you_mean;

/// Where a machine's identity comes from. The order is the one in which they are looked for: what a job
/// was given comes before what its pod was, and that before what its host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Way {
    /// A job of GitHub Actions, which may ask for its token (`permissions: id-token: write`).
    Github,
    /// A job of GitLab CI, whose token is in `JIT_ID_TOKEN` (`id_tokens:`).
    Gitlab,
    /// A token in the file that `JIT_ID_TOKEN_FILE` names: a JWT-SVID, any issuer's.
    TokenFile,
    /// A pod, by the projected token in `/var/run/secrets/tokens/jit`.
    Kubernetes,
    /// A key of this machine's own, enrolled by a join code.
    Key,
    /// An AWS role, by a signed request.
    Aws,
}

impl Way {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [Self; 6] = [
        Self::Github,
        Self::Gitlab,
        Self::TokenFile,
        Self::Kubernetes,
        Self::Key,
        Self::Aws,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::TokenFile => "token-file",
            Self::Kubernetes => "kubernetes",
            Self::Key => "key",
            Self::Aws => "aws",
        }
    }
}

impl FromStr for Way {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|way| way.as_str() == text);
        found.ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str);
            let near = did_you_mean(text, all);
            format!(
                "{text:?} is no identity: {near}it may be {}",
                all.join(", ")
            )
        })
    }
}

impl TryFrom<String> for Way {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Way> for String {
    fn from(way: Way) -> Self {
        way.as_str().to_owned()
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
