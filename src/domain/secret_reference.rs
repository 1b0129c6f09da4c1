//! The name of a place where a secret is kept, as configuration has it.

use std::path::PathBuf;

use serde::Deserialize;

/// Where a base credential is kept; never the credential itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum SecretReference {
    /// `file:PATH`, readable by nobody else.
    File(PathBuf),
    /// `env:NAME`
    Env(String),
    /// `keyring:NAME`
    Keyring(String),
    /// `credential:NAME`, in the directory that systemd's `LoadCredential=` fills.
    Credential(String),
}

impl TryFrom<String> for SecretReference {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("keyring", name)) if !name.is_empty() => Ok(Self::Keyring(name.to_owned())),
            Some(("credential", name)) if is_file_name(name) => {
                Ok(Self::Credential(name.to_owned()))
            }
            // The text may be the secret itself, so it is not repeated.
            _ => Err(
                "a credential is named, never written here: \"file:PATH\", \"env:NAME\", \"keyring:NAME\" or \"credential:NAME\""
                    .to_owned(),
            ),
        }
    }
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains('/')
}
