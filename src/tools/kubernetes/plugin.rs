//! Who may be given a credential by the plugin: only the server that it is for.

use std::path::Path;

use super::{
    authorities,
    clusters::{same_server, with_server},
    kubeconfig::Cluster,
    question::{Asker, Question},
    smallest::reading,
};
use crate::{
    domain::{
        catalogue::{Catalogue, KubernetesResource, Resource},
        entitlement::{Entitlement, Kind, ResourceName, RoleName},
        environment::Places,
        failure::{Failure, Result},
    },
    platform::files,
    tools::task::Recognised,
};

/// Which entitlement the caller needs: the one that the kubeconfig names, or the cluster that it is
/// about to reach with a role, or with the smallest that reads.
///
/// # Errors
/// Usage: nothing or something unknown is named, the caller does not say which cluster it is about to
/// reach, or the credential would go elsewhere.
pub fn wanted(
    question: &Question,
    named: Option<&Entitlement>,
    role: Option<&RoleName>,
    places: &Places,
    catalogue: &Catalogue,
) -> Result<Recognised> {
    if let Some(other) = named.filter(|named| named.resource.kind() != Kind::Kubernetes) {
        return Err(not_a_cluster(other));
    }
    let Some(asker) = &question.cluster else {
        return Err(unaddressed(named));
    };
    let entitlement = match named {
        Some(named) => named.clone(),
        None => reached(catalogue, asker, role)?,
    };
    let Resource::Kubernetes(cluster) = catalogue.resource(&entitlement.resource)? else {
        return Err(not_a_cluster(&entitlement));
    };
    catalogue.tier(&entitlement)?;
    refuse_elsewhere(asker, &entitlement.resource, cluster, places)?;
    Ok(Recognised::new(entitlement, "asked for by a kubeconfig"))
}

/// What is said of an entitlement of another kind, best before it is asked for.
pub(super) fn not_a_cluster(entitlement: &Entitlement) -> Failure {
    Failure::usage(format!("{entitlement} is not a cluster's role"))
        .hint("kubectl's plugin is called as: jit exec-credential kubernetes/NAME:ROLE")
}

/// A kubeconfig without `provideClusterInfo` may send the token to any server.
fn unaddressed(named: Option<&Entitlement>) -> Failure {
    let what = match named {
        Some(named) => format!("{named} is not handed out"),
        None => "no token is handed out".to_owned(),
    };
    Failure::usage(format!(
        "the kubeconfig does not say which cluster it reaches, so {what}"
    ))
    .hint("set provideClusterInfo: true below exec of its user, as \"jit setup kubernetes\" does")
}

/// The entitlement for the cluster with that server.
fn reached(catalogue: &Catalogue, asker: &Asker, role: Option<&RoleName>) -> Result<Entitlement> {
    let found = with_server(catalogue, &asker.server);
    let found: Vec<&ResourceName> = found.into_iter().map(|(name, _)| name).collect();
    let server = &asker.server;
    let resource = match found.as_slice() {
        [one] => *one,
        [] => {
            return Err(
                Failure::usage(format!("no resource has the server {server:?}"))
                    .hint("add it to authority.toml, or take jit out of this kubeconfig"),
            );
        }
        [first, second, ..] => {
            return Err(Failure::usage(format!(
                "{server:?} is the server of {first} and {second}"
            ))
            .hint(format!("name one, as in: jit exec-credential {first}:ROLE")));
        }
    };
    if let Some(role) = role {
        return Ok(Entitlement {
            resource: resource.clone(),
            role: role.clone(),
        });
    }
    reading(catalogue, resource).map(|found| found.entitlement)
}

/// Whether the plugin would give its token to a program that reaches the resource as this cluster of
/// a kubeconfig says.
///
/// # Errors
/// It would not; or a certificate authority cannot be read.
pub fn check(
    own: &Cluster,
    resource: &ResourceName,
    cluster: &KubernetesResource,
    places: &Places,
) -> Result<()> {
    let asker = Asker {
        server: own.server.clone(),
        tls_server_name: own.tls_server_name.clone(),
        insecure_skip_tls_verify: own.insecure_skip_tls_verify,
        certificate_authority_data: own.certificate_authority_data.clone(),
        certificate_authority: own.certificate_authority.clone(),
    };
    refuse_elsewhere(&asker, resource, cluster, places)
}

/// Refuses to hand the credential to any server but the resource's own, proven by a certificate of
/// an authority that the catalogue names.
fn refuse_elsewhere(
    asker: &Asker,
    resource: &ResourceName,
    cluster: &KubernetesResource,
    places: &Places,
) -> Result<()> {
    let refuse = |what: &str, hint: &str| {
        Err(Failure::usage(format!(
            "the kubeconfig {what}, so {resource} is not handed out"
        ))
        .hint(hint))
    };
    // Without a scheme, client-go may go there in the clear.
    let is_https = asker
        .server
        .get(..8)
        .is_some_and(|s| s.eq_ignore_ascii_case("https://"));
    if !is_https || !same_server(&asker.server, &cluster.server) {
        let what = format!("reaches {:?}", asker.server);
        return refuse(
            &what,
            &format!("its cluster must have server: {}", cluster.server),
        );
    }
    if asker.insecure_skip_tls_verify == Some(true) {
        return refuse(
            "does not verify the server",
            "take insecure-skip-tls-verify out of its cluster",
        );
    }
    let name = asker.tls_server_name.as_deref().unwrap_or_default();
    let known = cluster.tls_server_name.as_deref().unwrap_or_default();
    if name != known {
        let shown = |name: &str| match name {
            "" => "the one in its address".to_owned(),
            name => format!("{name:?}"),
        };
        let what = format!(
            "expects the server's name to be {}, and the catalogue {}",
            shown(name),
            shown(known)
        );
        return refuse(
            &what,
            "give both the same: tls_server_name in authority.toml, tls-server-name in the kubeconfig",
        );
    }
    match (trusted(asker)?, &cluster.certificate_authority) {
        (None, None) => Ok(()),
        (None, Some(_)) => refuse(
            "names no certificate authority, and the catalogue does",
            "give its cluster the certificate-authority that authority.toml names",
        ),
        (Some(data), _) if authorities::are_known(&data, cluster, places)? => Ok(()),
        (Some(_), _) => refuse(
            "trusts a certificate authority that the catalogue does not name",
            "give both the same: certificate_authority in authority.toml, certificate-authority in the kubeconfig",
        ),
    }
}

/// What the caller trusts, PEM: the data, or else the file, which clients that are not of client-go name
/// as their kubeconfig does. Nothing where it trusts the system's authorities.
fn trusted(asker: &Asker) -> Result<Option<Vec<u8>>> {
    let data = asker.certificate_authority_data.as_deref();
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        return Ok(Some(authorities::decoded(data).unwrap_or_default()));
    }
    let file = asker.certificate_authority.as_deref();
    let file = file.filter(|file| *file != Path::new(""));
    file.map(|file| Ok(files::read(file)?.unwrap_or_default()))
        .transpose()
}
