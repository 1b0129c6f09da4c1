//! Base credentials, found where the catalogue says they are kept.

use std::path::Path;

use secrecy::SecretString;

use super::{files, keyring};
use crate::domain::{
    catalogue::SecretReference,
    environment::Environment,
    failure::{Failure, Result},
};

/// The secret behind a reference, without the newline at its end. A relative `file:` is looked up
/// in `directory`, that of `authority.toml`.
pub fn resolve(
    reference: &SecretReference,
    directory: &Path,
    environment: &Environment,
) -> Result<SecretString> {
    let text = match reference {
        SecretReference::File(path) => {
            let path = directory.join(path);
            let bytes = files::read_private(&path)?.ok_or_else(|| {
                Failure::failed(format!(
                    "the credential file {} is not there",
                    path.display()
                ))
                .hint("create it, readable by you alone, or correct `credential` in authority.toml")
            })?;
            String::from_utf8(bytes).map_err(|_| {
                Failure::failed(format!(
                    "the credential file {} is not text",
                    path.display()
                ))
                .hint("it holds one token or URL and nothing else")
            })?
        }
        SecretReference::Env(name) => environment
            .text(name)
            .ok_or_else(|| {
                Failure::failed(format!("the environment variable {name} is not set"))
                    .hint("set it, or correct `credential` in authority.toml")
            })?
            .to_owned(),
        SecretReference::Keyring(name) => keyring::secret(name)?,
    };
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}
