//! What a target's administrator applies so that it trusts this authority no more: what undoes
//! [`trust`](super::trust), with comments.

use super::{aws, kubernetes, order::Site, postgres, ssh::RELOAD};
use crate::domain::{
    catalogue::{KubernetesIssuer, KubernetesResource, Resource},
    entitlement::ResourceName,
    failure::Result,
};

/// What undoes the trust of a target.
pub fn removal(name: &ResourceName, resource: &Resource, site: &Site<'_>) -> Result<String> {
    match resource {
        Resource::Ssh(_) => Ok(ssh(name)),
        Resource::Kubernetes(resource) => kubernetes(name, resource, site),
        Resource::Postgres(resource) => postgres::removal(name, resource),
        Resource::Aws(resource) => aws::removal(name, resource, site),
    }
}

/// A shell script, to be run as root on each host.
fn ssh(name: &ResourceName) -> String {
    let short = name.name();
    format!(
        "\
# {name}: has sshd accept the certificates of this authority no more.
# Run it as root on each host, for example: jit trust {name} --remove | ssh root@HOST sh
#
# It removes what \"jit trust {name}\" made, with and without --host-key. Log-ins that are open stay open.
set -e
rm -f /etc/ssh/sshd_config.d/jit-{short}.conf /etc/ssh/jit-{short}.pub
rm -f /etc/ssh/sshd_config.d/jit-{short}-host.conf /etc/ssh/jit-{short}-host-cert.pub
sshd -t
{RELOAD}
left=$(grep -rlsF ' jit {name}' /etc/ssh || true)
[ -z \"$left\" ] || echo \"the key of {name} is still in $left: take its line out and reload sshd\" >&2
"
    )
}

/// The objects that `kubectl apply` made, for `kubectl delete`; without their namespaces, in which there may be
/// something else by now.
fn kubernetes(
    name: &ResourceName,
    resource: &KubernetesResource,
    site: &Site<'_>,
) -> Result<String> {
    let applied = kubernetes::trust(name, resource, site)?;
    let mut text = format!(
        "\
# {name}: has the cluster trust this authority no more. As the cluster's administrator:
#   jit trust {name} --remove | kubectl delete --ignore-not-found -f -
#
# Namespaces stay, and so does what you bound by hand.
"
    );
    if resource.issuer == KubernetesIssuer::Oidc {
        text.push_str(
            "#
# Also take the entry of this authority out of the file that the flag --authentication-config of each API
# server names. Tokens that were made hold until then, minutes at most.
",
        );
    }
    // The first part is for people, or for the API server.
    for document in applied.split("---\n").skip(1) {
        if !document.contains("\nkind: Namespace\n") {
            text.push_str("---\n");
            text.push_str(document);
        }
    }
    Ok(text)
}
