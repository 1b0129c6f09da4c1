//! kubernetes: a token of a service account, or one of the authority's own OIDC issuer.

mod account;
mod api;
mod authentication;
mod clients;
mod oidc;
mod review;
mod token;
mod token_request;
mod trust;
mod visit;

pub use review::{Reviewed, TokenReviews};
pub use visit::{Visit, clock, visit};

use super::order::{self, Order, Revocation, Site};
use crate::domain::{
    catalogue::{KubernetesIssuer, KubernetesResource},
    credential::Credential,
    elevation::Grant,
    entitlement::ResourceName,
    failure::Result,
};

/// A token of what the role is in the cluster.
///
/// # Errors
/// The catalogue has no such role. For `TokenRequest`: the API server is down, slow, refuses, or is
/// none. For the own issuer: there is no server that the API server could fetch its keys from.
pub async fn issue(
    resource: &KubernetesResource,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    match resource.issuer {
        KubernetesIssuer::TokenRequest => token_request::issue(resource, order, site).await,
        KubernetesIssuer::Oidc => oidc::issue(resource, order, site),
    }
}

/// Ends the tokens of service accounts. The API server asks nobody about a token of the own issuer: it
/// ends within minutes by itself.
pub async fn revoke(
    resource: &KubernetesResource,
    grant: &Grant,
    site: &Site<'_>,
) -> Result<Revocation> {
    match resource.issuer {
        KubernetesIssuer::TokenRequest => token_request::revoke(resource, grant, site).await,
        KubernetesIssuer::Oidc => Ok(Revocation::EndsByItself),
    }
}

/// What the cluster's administrator must apply: YAML, with the commands that take it.
pub fn trust(
    name: &ResourceName,
    resource: &KubernetesResource,
    site: &Site<'_>,
) -> Result<String> {
    match resource.issuer {
        KubernetesIssuer::TokenRequest => trust::yaml(name, resource),
        KubernetesIssuer::Oidc => {
            let issuer = oidc::issuer(name, site)?;
            Ok(authentication::yaml(name, resource, &issuer))
        }
    }
}

/// The certificate authority of the server that the API server fetches keys from, PEM.
///
/// # Errors
/// Usage, where it trusts no certificate of ours: for `TokenRequest`, and where that server's
/// certificate is from a public authority.
pub fn trust_ca(
    name: &ResourceName,
    resource: &KubernetesResource,
    site: &Site<'_>,
) -> Result<String> {
    match resource.issuer {
        KubernetesIssuer::TokenRequest => Err(order::no_ca(name)),
        KubernetesIssuer::Oidc => oidc::issuer(name, site)?.trust_ca(name),
    }
}
