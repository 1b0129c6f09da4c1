//! What a lease is bound to: its target, and the entry of the catalogue that it was issued under.

use std::path::{Path, PathBuf};

use crate::{
    domain::{
        catalogue::{Catalogue, Resource},
        entitlement::{Entitlement, RoleName},
        environment::Places,
        failure::{Failure, Result},
        lease::Binding,
    },
    platform::{files, keys},
};

/// The binding of an entitlement's leases, by the catalogue and the certificate authority's file as
/// they are now.
///
/// # Errors
/// Usage: the catalogue does not have the resource. Failed: the certificate authority cannot be read.
pub fn of(catalogue: &Catalogue, entitlement: &Entitlement, places: &Places) -> Result<Binding> {
    let mut resource = catalogue.resource(&entitlement.resource)?.clone();
    // What another role of the resource is changes nothing about this one.
    let others: Vec<RoleName> = resource
        .roles()
        .filter(|(role, _)| **role != entitlement.role)
        .map(|(role, _)| role.clone())
        .collect();
    for role in &others {
        resource.remove(role);
    }
    let entry = serde_json::to_vec(&resource)
        .map_err(|error| Failure::failed("the catalogue cannot be compared").because(&error))?;
    Ok(Binding {
        target: target(&resource, &places.configuration)?,
        resource: digest(&entry),
    })
}

fn target(resource: &Resource, configuration: &Path) -> Result<String> {
    let authority = |file: &Option<PathBuf>| authority(file.as_deref(), configuration);
    Ok(match resource {
        Resource::Ssh(resource) => resource.hosts.join(","),
        Resource::Kubernetes(resource) => {
            let name = resource.tls_server_name.as_deref().unwrap_or_default();
            let authority = authority(&resource.certificate_authority)?;
            format!("{} {name} {authority}", resource.server)
        }
        Resource::Postgres(resource) => {
            let authority = authority(&resource.certificate_authority)?;
            format!("{} {authority}", resource.hosts.join(","))
        }
        Resource::Aws(resource) => resource.account.clone(),
    })
}

/// The digest of a certificate authority's file; nothing where the system's authorities serve.
fn authority(file: Option<&Path>, configuration: &Path) -> Result<String> {
    let Some(file) = file else {
        return Ok(String::new());
    };
    let text = files::read(&configuration.join(file))?;
    Ok(text.map_or_else(|| "absent".to_owned(), |text| digest(&text)))
}

fn digest(bytes: &[u8]) -> String {
    keys::hex(&keys::sha256(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOGUE: &str = r#"
[resources."kubernetes/prod"]
server = "https://prod:6443"
certificate_authority = "ca.crt"
issuer = "token-request"
credential = "file:base.token"
roles.view = { service_account = "jit/view" }
roles.edit = { service_account = "jit/edit" }
[resources."aws/prod"]
account = "123456789012"
issuer = "assume-role"
roles.read = { arn = "arn:aws:iam::123456789012:role/read" }
[resources."ssh/web"]
hosts = ["web"]
roles.deploy = {}
[resources."postgres/orders"]
hosts = ["db"]
certificate_authority = "ca.crt"
issuer = "certificate"
roles.read = { role = "reader" }
"#;

    fn bound(directory: &Path, text: &str, entitlement: &str) -> Binding {
        let catalogue: Catalogue = toml::from_str(text).unwrap();
        let places = Places {
            configuration: directory.to_owned(),
            state: directory.to_owned(),
            cache: directory.to_owned(),
            runtime: directory.to_owned(),
            job: None,
        };
        of(&catalogue, &entitlement.parse().unwrap(), &places).unwrap()
    }

    #[test]
    fn a_binding_changes_with_all_that_its_entitlement_means_and_with_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        files::write_public(&path.join("ca.crt"), b"one").unwrap();
        for (entitlement, changes) in [
            (
                "kubernetes/prod:view",
                &[
                    ("https://prod:6443", "https://other:6443"),
                    ("jit/view", "jit/other"),
                ][..],
            ),
            ("aws/prod:read", &[("123456789012", "999999999999")]),
            ("ssh/web:deploy", &[("\"web\"", "\"other\"")]),
            (
                "postgres/orders:read",
                &[("\"db\"", "\"other\""), ("reader", "writer")],
            ),
        ] {
            let before = bound(path, CATALOGUE, entitlement);
            for (from, to) in changes {
                let after = bound(path, &CATALOGUE.replace(from, to), entitlement);
                assert_ne!(after, before, "{entitlement}: {to}");
            }
            for (from, to) in [
                ("jit/edit", "jit/else"),
                ("file:base.token", "file:new.token"),
            ] {
                let after = bound(path, &CATALOGUE.replace(from, to), entitlement);
                assert_eq!(after, before, "{entitlement}: {to}");
            }
        }
        let names = ["kubernetes/prod:view", "postgres/orders:read"];
        let before = names.map(|name| bound(path, CATALOGUE, name));
        files::write_public(&path.join("ca.crt"), b"another").unwrap();
        for (name, before) in names.iter().zip(before) {
            assert_ne!(bound(path, CATALOGUE, name).target, before.target, "{name}");
        }
    }
}
