//! `[tls]` of `server.toml`: the certificate that the server shows.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    config::check::fault::{Checked, Fault},
    domain::secret_reference::SecretReference,
};

/// `[tls]`; without it the server makes a certificate authority and a certificate of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The certificate and those that lead to its root, PEM; relative to the server's directory, or
    /// `credential:NAME`.
    #[serde(deserialize_with = "place")]
    pub certificate: Option<Place>,
    /// Its key, PEM, readable by nobody else.
    #[serde(deserialize_with = "place")]
    pub key: Option<Place>,
}

/// Where a file of TLS is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a path.
    File(PathBuf),
    /// Of that name in the directory that systemd's `LoadCredential=` fills.
    Credential(String),
}

fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Place>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let Some((how, _)) = text.split_once(':') else {
        return Ok(Some(Place::File(text.into())));
    };
    let reference = SecretReference::try_from(text.clone());
    match reference {
        Ok(SecretReference::File(path)) => Ok(Some(Place::File(path))),
        Ok(SecretReference::Credential(name)) => Ok(Some(Place::Credential(name))),
        Ok(SecretReference::Env(_) | SecretReference::Keyring(_)) | Err(_)
            if ["env", "keyring", "credential"].contains(&how) =>
        {
            Err(D::Error::custom(format!(
                "{text:?} is no place of a certificate or its key; write a path, or \"credential:NAME\""
            )))
        }
        Ok(_) | Err(_) => Ok(Some(Place::File(text.into()))),
    }
}

/// One without the other is nothing.
pub(super) fn check(tls: &Tls) -> Checked {
    let (has, lacks) = match (&tls.certificate, &tls.key) {
        (Some(_), None) => ("certificate", "key"),
        (None, Some(_)) => ("key", "certificate"),
        (Some(_), Some(_)) | (None, None) => return Ok(()),
    };
    Err(Fault::new(
        ["tls", has],
        format!("[tls] has a {has} and no {lacks}"),
        format!("add {lacks} = \"FILE\", or leave both out for a certificate of its own"),
    ))
}
