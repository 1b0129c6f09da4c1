//! Who may be given a credential by the plugin: only the server that it is for.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{
    clusters::{clusters, same_server},
    kubeconfig::Cluster,
    private,
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
/// about to reach with a role, or with the smallest that reads. Only where the caller says what it
/// reaches is the catalogue asked for.
///
/// # Errors
/// Usage: nothing or something unknown is named, or the credential would go elsewhere.
pub fn wanted(
    question: &Question,
    named: Option<&Entitlement>,
    role: Option<&RoleName>,
    places: &Places,
    catalogue: impl FnOnce() -> Result<Catalogue>,
) -> Result<Recognised> {
    if let Some(other) = named.filter(|named| named.resource.kind() != Kind::Kubernetes) {
        return Err(not_a_cluster(other));
    }
    let entitlement = match (named, &question.cluster) {
        (Some(named), None) => named.clone(),
        (None, None) => return Err(nothing_named()),
        (named, Some(asker)) => {
            let catalogue = catalogue()?;
            let entitlement = match (named, role) {
                (Some(named), _) => named.clone(),
                (None, role) => reached(&catalogue, asker, role)?,
            };
            let Resource::Kubernetes(cluster) = catalogue.resource(&entitlement.resource)? else {
                return Err(not_a_cluster(&entitlement));
            };
            catalogue.tier(&entitlement)?;
            refuse_elsewhere(asker, &entitlement.resource, cluster, places)?;
            entitlement
        }
    };
    Ok(Recognised::new(entitlement, "asked for by a kubeconfig"))
}

/// What is said of an entitlement of another kind, best before it is asked for.
pub(super) fn not_a_cluster(entitlement: &Entitlement) -> Failure {
    Failure::usage(format!("{entitlement} is not a cluster's role"))
        .hint("kubectl's plugin is called as: jit exec-credential kubernetes/NAME:ROLE")
}

fn nothing_named() -> Failure {
    Failure::usage("neither an entitlement nor a cluster is named").hint(
        "name it, as in: jit exec-credential kubernetes/NAME:ROLE; or set provideClusterInfo: true",
    )
}

/// The entitlement for the cluster with that server.
fn reached(catalogue: &Catalogue, asker: &Asker, role: Option<&RoleName>) -> Result<Entitlement> {
    let here = |cluster: &KubernetesResource| same_server(&cluster.server, &asker.server);
    let found: Vec<&ResourceName> = clusters(catalogue)
        .filter(|(_, cluster)| here(cluster))
        .map(|(name, _)| name)
        .collect();
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
    let file = own.certificate_authority.as_deref();
    let read = file.filter(|_| own.certificate_authority_data.is_none());
    let data = match read {
        Some(file) => Some(STANDARD.encode(files::read(file)?.unwrap_or_default())),
        None => own.certificate_authority_data.clone(),
    };
    let asker = Asker {
        server: own.server.clone(),
        tls_server_name: own.tls_server_name.clone(),
        insecure_skip_tls_verify: own.insecure_skip_tls_verify,
        certificate_authority_data: data,
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
    if asker
        .tls_server_name
        .as_ref()
        .is_some_and(|name| !name.is_empty())
    {
        return refuse(
            "expects another server's name",
            "take tls-server-name out of its cluster",
        );
    }
    let trusted = asker.certificate_authority_data.as_deref();
    match trusted.filter(|data| !data.is_empty()) {
        Some(data) if !are_known(data, cluster, places)? => refuse(
            "trusts a certificate authority that the catalogue does not name",
            "give both the same: certificate_authority in authority.toml, certificate-authority in the kubeconfig",
        ),
        _ => Ok(()),
    }
}

/// Whether all of these certificate authorities are the catalogue's own. What else the text holds
/// might be read as a certificate by somebody else, so there must not be anything.
fn are_known(data: &str, cluster: &KubernetesResource, places: &Places) -> Result<bool> {
    let Some(known) = private::authority(cluster, places)? else {
        return Ok(false);
    };
    let Ok(asked) = STANDARD.decode(data) else {
        return Ok(false);
    };
    if asked == known.as_bytes() {
        return Ok(true);
    }
    let known: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(known.as_bytes())
        .flatten()
        .collect();
    let read: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(&asked).collect();
    let begun = String::from_utf8_lossy(&asked)
        .matches("-----BEGIN")
        .count();
    Ok(read.is_ok_and(|read| {
        !read.is_empty() && read.len() == begun && read.iter().all(|one| known.contains(one))
    }))
}
