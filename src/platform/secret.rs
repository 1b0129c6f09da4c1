//! Base credentials, found where the catalogue says they are kept.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{files, keyring};
use crate::domain::{
    environment::Environment,
    failure::{Failure, Result},
    secret_reference::SecretReference,
};

/// The secret behind a reference, without the newline at its end. A relative `file:` is looked up
/// in `directory`, that of `authority.toml`.
pub fn resolve(
    reference: &SecretReference,
    directory: &Path,
    environment: &Environment,
) -> Result<SecretString> {
    let (bytes, shown) = match reference {
        SecretReference::File(path) => {
            let path = directory.join(path);
            let bytes = read_file(&path)?.ok_or_else(|| {
                Failure::failed(format!(
                    "the credential file {} is not there",
                    path.display()
                ))
                .hint("create it, readable by you alone, or correct the reference that names it")
            })?;
            (Zeroizing::new(bytes), path.display().to_string())
        }
        SecretReference::Env(name) => {
            let text = environment.text(name).ok_or_else(|| {
                Failure::failed(format!("the environment variable {name} is not set"))
                    .hint("set it, or correct the reference that names it")
            })?;
            (Zeroizing::new(text.as_bytes().to_vec()), format!("${name}"))
        }
        SecretReference::Keyring(name) => (keyring::secret(name)?, format!("keyring:{name}")),
        SecretReference::Credential(name) => {
            (credential(name, environment)?, format!("credential:{name}"))
        }
    };
    let text = str::from_utf8(&bytes).map_err(|_| {
        Failure::failed(format!("the credential in {shown} is not text"))
            .hint("it holds one token or URL and nothing else")
    })?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}

/// The bytes of a secret that this program only reads; `None` where there is none. It is ours alone, or root
/// gives it to a group of ours to read, as Kubernetes does with a Secret of a pod that does not run as root
/// (`defaultMode: 0440` and `fsGroup`).
pub fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
    files::open_and_read(path, OFlags::NONBLOCK, |metadata| {
        let is_given = metadata.uid() == 0 && !geteuid().is_root();
        if is_given && metadata.mode() & 0o027 == 0 {
            return Ok(());
        }
        if is_given {
            let (shown, now) = (path.display(), metadata.mode() & 0o7777);
            return Err(Failure::failed(format!(
                "{shown} can be reached by other users (mode {now:04o})"
            ))
            .hint("whoever makes it gives it the mode 0440 and a group of this process: in Kubernetes defaultMode: 0440 and fsGroup"));
        }
        files::refuse_shared(path, metadata, 0o600)
    })
}

/// A credential that systemd hands to the service (systemd.exec(5), `LoadCredential=`). Its directory is
/// the service's alone; the file itself is root's, with an access list, so that its mode says nothing.
fn credential(name: &str, environment: &Environment) -> Result<Zeroizing<Vec<u8>>> {
    let path = credential_path(name, environment)?;
    let bytes = files::read(&path)?.map(Zeroizing::new);
    bytes.ok_or_else(|| {
        Failure::failed(format!(
            "systemd handed no credential {name:?} to this process"
        ))
        .hint(format!(
            "add LoadCredential={name}:FILE to the service's unit"
        ))
    })
}

/// Where systemd puts the credential of that name.
///
/// # Errors
/// This process was handed none.
pub fn credential_path(name: &str, environment: &Environment) -> Result<PathBuf> {
    let directory = environment.text("CREDENTIALS_DIRECTORY").ok_or_else(|| {
        Failure::failed(format!(
            "there is no credential {name:?}: systemd handed none to this process"
        ))
        .hint(format!(
            "add LoadCredential={name}:FILE to the service's unit"
        ))
    })?;
    Ok(Path::new(directory).join(name))
}
