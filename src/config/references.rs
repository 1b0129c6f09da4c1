//! What the catalogue refers to: files that must be there before anything can be issued.

use std::path::Path;

use crate::{
    domain::{
        catalogue::{Catalogue, Resource},
        entitlement::ResourceName,
        environment::Environment,
        failure::{Failure, Result},
        secret_reference::SecretReference,
    },
    platform::files,
};

/// Refuses the first reference that leads nowhere. Relative paths start at `directory`, that of
/// `authority.toml`. A credential is looked for, never shown.
pub fn check(catalogue: &Catalogue, directory: &Path, environment: &Environment) -> Result<()> {
    for (name, resource) in &catalogue.resources.0 {
        let (authority, credential) = match resource {
            Resource::Kubernetes(resource) => (
                resource.certificate_authority.as_deref(),
                resource.credential.as_ref(),
            ),
            Resource::Postgres(resource) => (
                resource.certificate_authority.as_deref(),
                resource.credential.as_ref(),
            ),
            Resource::Ssh(_) | Resource::Aws(_) => (None, None),
        };
        if let Some(path) = authority {
            certificate(name, &directory.join(path))?;
        }
        if let Some(credential) = credential {
            is_there(name, credential, directory, environment)?;
        }
    }
    Ok(())
}

fn certificate(name: &ResourceName, path: &Path) -> Result<()> {
    let shown = path.display();
    let bytes = files::read(path)?.ok_or_else(|| {
        Failure::failed(format!(
            "the certificate_authority of {name}, {shown}, is not there"
        ))
        .hint("correct the path, or put the file there")
    })?;
    let pem = b"-----BEGIN CERTIFICATE-----";
    if bytes.windows(pem.len()).any(|window| window == pem) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "the certificate_authority of {name}, {shown}, holds no certificate"
    ))
    .hint("it must be PEM: -----BEGIN CERTIFICATE-----"))
}

fn is_there(
    name: &ResourceName,
    credential: &SecretReference,
    directory: &Path,
    environment: &Environment,
) -> Result<()> {
    match credential {
        SecretReference::File(path) => {
            let path = directory.join(path);
            let found = files::read_private(&path)?.is_some_and(|bytes| !bytes.is_empty());
            let shown = path.display();
            found.then_some(()).ok_or_else(|| {
                Failure::failed(format!("the credential of {name}, {shown}, is not there"))
                    .hint(format!(
                        "\"jit trust {name}\" says what it has to be; put it there, then run: chmod 600 '{shown}'"
                    ))
            })
        }
        SecretReference::Env(variable) => {
            let found = environment.value(variable).is_some();
            found.then_some(()).ok_or_else(|| {
                Failure::failed(format!("the credential of {name}, ${variable}, is not set"))
                    .hint(format!("export {variable}, or use a file: reference"))
            })
        }
        // Asking a keyring may ask the person; it is asked when the credential is needed. systemd's
        // credentials are there for the service alone, not for whoever checks.
        SecretReference::Keyring(_) | SecretReference::Credential(_) => Ok(()),
    }
}
