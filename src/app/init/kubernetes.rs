//! Clusters from the contexts of the user's kubeconfig.

use std::{collections::BTreeMap, path::Path};

use super::found::{Found, list, quote, role};
use crate::{
    domain::{
        entitlement::{Kind, ResourceName, Tier},
        environment::Environment,
        failure::Result,
    },
    tools::kubernetes::{
        authorities,
        kubeconfig::{self, Cluster},
        users::bringing,
    },
};

pub(super) fn find(environment: &Environment) -> Result<Vec<Found>> {
    let kubeconfig = kubeconfig::load(environment, None)?;
    let mut contexts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, context) in &kubeconfig.contexts {
        contexts.entry(&context.cluster).or_default().push(name);
    }
    let users = bringing(environment)?;
    let found = contexts.iter().filter_map(|(cluster, contexts)| {
        let cluster = kubeconfig.clusters.get(*cluster)?;
        let mut users = users.iter();
        let own = users.find(|user| {
            user.contexts
                .iter()
                .any(|(own, _)| contexts.contains(&&**own))
        });
        let replaces = own.map(|user| {
            format!(
                "{} of your kubeconfig's user {}",
                user.brings,
                quote(&user.name)
            )
        });
        let found = found_in(contexts, cluster)?;
        Some(Found { replaces, ..found })
    });
    Ok(found.collect())
}

fn found_in(contexts: &[&str], cluster: &Cluster) -> Option<Found> {
    let resource = Found::name(Kind::Kubernetes, contexts.first()?)?;
    let certificate = certificate(&resource, cluster);
    let inline = certificate.as_ref().map(|(file, _)| Path::new(file));
    let authority = inline.or(cluster.certificate_authority.as_deref());
    let mut keys = vec![("server", quote(cluster.server.trim_end_matches('/')))];
    let authority = authority.and_then(Path::to_str);
    keys.extend(authority.map(|path| ("certificate_authority", quote(path))));
    keys.extend([
        ("contexts", list(contexts.iter().copied())),
        ("issuer", quote("token-request")),
        (
            "credential",
            quote(&format!("file:{}.token", resource.name())),
        ),
    ]);
    let account = |name: &str, tier| role(&[("service_account", &format!("jit/{name}"))], tier);
    Some(Found {
        origin: format!(
            "the contexts {} of your kubeconfig",
            list(contexts.iter().copied())
        ),
        needs: Some("a token in the file that `credential` names".to_owned()),
        replaces: None,
        keys,
        roles: vec![
            ("view".parse().ok()?, account("view", Tier::Routine)),
            ("edit".parse().ok()?, account("edit", Tier::Elevated)),
            ("admin".parse().ok()?, account("admin", Tier::Sensitive)),
        ],
        certificate,
        resource,
    })
}

/// The certificate authority that stands in the kubeconfig itself becomes a file of its own.
fn certificate(resource: &ResourceName, cluster: &Cluster) -> Option<(String, String)> {
    let data = cluster.certificate_authority_data.as_ref()?;
    let pem = String::from_utf8(authorities::decoded(data)?).ok()?;
    let is_one = pem.contains("-----BEGIN CERTIFICATE-----") && !pem.contains("PRIVATE KEY");
    is_one.then(|| (format!("{}-ca.crt", resource.name()), pem))
}
