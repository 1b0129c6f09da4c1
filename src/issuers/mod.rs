//! The issuers: each kind's file turns a grant into a credential, and ends it at the target.

pub mod aws;
mod jwt;
pub mod kubernetes;
pub mod order;
pub mod postgres;
pub mod removal;
#[cfg(test)]
mod sample;
pub mod ssh;
pub mod ssh_host;
mod target;
#[cfg(test)]
mod tests;

use order::{Order, Revocation, Site};

use crate::domain::{
    catalogue::{AwsIssuer, KubernetesIssuer, PostgresIssuer, Resource},
    credential::Credential,
    elevation::Grant,
    entitlement::ResourceName,
    failure::Result,
};

/// Makes a credential under a live grant.
///
/// # Errors
/// The target is down, slow (124), refuses, or speaks something else; the message names it.
/// The grant is over.
pub async fn issue(resource: &Resource, order: &Order<'_>, site: &Site<'_>) -> Result<Credential> {
    if !order.grant.is_live(order.now) {
        return Err(order::over(order.grant));
    }
    match resource {
        Resource::Ssh(resource) => ssh::issue(resource, order, site),
        Resource::Kubernetes(resource) => kubernetes::issue(resource, order, site).await,
        Resource::Postgres(resource) => postgres::issue(resource, order, site).await,
        Resource::Aws(resource) => aws::issue(resource, order, site).await,
    }
}

/// Whether making a credential reaches somebody outside this process, who may do something because of it.
pub const fn reaches_out(resource: &Resource) -> bool {
    match resource {
        Resource::Ssh(_) => false,
        Resource::Kubernetes(resource) => match resource.issuer {
            KubernetesIssuer::TokenRequest => true,
            KubernetesIssuer::Oidc => false,
        },
        Resource::Postgres(resource) => match resource.issuer {
            PostgresIssuer::DynamicRole => true,
            PostgresIssuer::Certificate => false,
        },
        Resource::Aws(resource) => match resource.issuer {
            AwsIssuer::AssumeRole | AwsIssuer::WebIdentity => true,
        },
    }
}

/// Ends what was issued under a grant, as far as the target can be told. Each step is idempotent:
/// a revocation that failed half-way is repeated until it says [`Revocation::Ended`].
pub async fn revoke(resource: &Resource, grant: &Grant, site: &Site<'_>) -> Result<Revocation> {
    match resource {
        // sshd and STS cannot be told: the credential ends within minutes by itself.
        Resource::Ssh(_) | Resource::Aws(_) => Ok(Revocation::EndsByItself),
        Resource::Kubernetes(resource) => kubernetes::revoke(resource, grant, site).await,
        Resource::Postgres(resource) => postgres::revoke(resource, grant, site).await,
    }
}

/// Whether a target can be told that a grant has ended: then it refuses its credentials from that moment on.
pub const fn can_be_told(resource: &Resource) -> bool {
    match resource {
        Resource::Ssh(_) | Resource::Aws(_) => false,
        Resource::Kubernetes(resource) => matches!(resource.issuer, KubernetesIssuer::TokenRequest),
        Resource::Postgres(resource) => matches!(resource.issuer, PostgresIssuer::DynamicRole),
    }
}

/// What the target's administrator must apply so that it trusts this authority, with comments.
pub fn trust(name: &ResourceName, resource: &Resource, site: &Site<'_>) -> Result<String> {
    match resource {
        Resource::Ssh(resource) => ssh::trust(name, resource, site),
        Resource::Kubernetes(resource) => kubernetes::trust(name, resource, site),
        Resource::Postgres(resource) => postgres::trust(name, resource, site),
        Resource::Aws(resource) => aws::trust(name, resource, site),
    }
}

/// Only the key (OpenSSH's one-line form) or certificate (PEM) that the target must trust.
///
/// # Errors
/// Usage, for a resource that trusts no key or certificate of ours.
pub fn trust_ca(name: &ResourceName, resource: &Resource, site: &Site<'_>) -> Result<String> {
    match resource {
        Resource::Ssh(_) => ssh::trust_ca(name, site),
        Resource::Postgres(resource) => postgres::trust_ca(name, resource, site),
        Resource::Kubernetes(resource) => kubernetes::trust_ca(name, resource, site),
        Resource::Aws(resource) => aws::trust_ca(name, resource, site),
    }
}
