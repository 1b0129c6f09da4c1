//! postgres: a client certificate, or a role made for the grant.

mod certificate;
mod dynamic_role;
mod manager;
mod names;
mod removal;
mod scram;
mod trust;
mod url;
mod visit;

pub use visit::{Place, Visit, visit};

use super::order::{Order, Revocation, Site};
use crate::domain::{
    catalogue::{PostgresIssuer, PostgresResource},
    credential::Credential,
    elevation::Grant,
    entitlement::ResourceName,
    failure::Result,
};

/// A credential for the database role that the grant's role is.
///
/// # Errors
/// The catalogue has no such role. For a dynamic role: the server is down, slow, refuses, or is
/// none.
pub async fn issue(
    resource: &PostgresResource,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    match resource.issuer {
        PostgresIssuer::Certificate => certificate::issue(resource, order, site),
        PostgresIssuer::DynamicRole => dynamic_role::issue(resource, order, site).await,
    }
}

/// Ends a dynamic role and its sessions. A certificate ends by itself, and the sessions that were
/// opened with it live on: PostgreSQL looks at a certificate only when a session begins.
pub async fn revoke(
    resource: &PostgresResource,
    grant: &Grant,
    site: &Site<'_>,
) -> Result<Revocation> {
    match resource.issuer {
        PostgresIssuer::Certificate => Ok(Revocation::EndsByItself),
        PostgresIssuer::DynamicRole => dynamic_role::revoke(resource, grant, site).await,
    }
}

/// What the database's administrator must apply, with comments.
pub fn trust(name: &ResourceName, resource: &PostgresResource, site: &Site<'_>) -> Result<String> {
    match resource.issuer {
        PostgresIssuer::Certificate => {
            let authority = certificate::authority(name, site)?;
            trust::certificate(name, resource, &authority)
        }
        PostgresIssuer::DynamicRole => trust::dynamic_role(name, resource),
    }
}

/// What undoes that.
pub fn removal(name: &ResourceName, resource: &PostgresResource) -> Result<String> {
    match resource.issuer {
        PostgresIssuer::Certificate => removal::certificate(name, resource),
        PostgresIssuer::DynamicRole => removal::dynamic_role(name, resource),
    }
}

/// The certificate that `ssl_ca_file` must hold, PEM.
///
/// # Errors
/// Usage, where credentials are dynamic roles.
pub fn trust_ca(
    name: &ResourceName,
    resource: &PostgresResource,
    site: &Site<'_>,
) -> Result<String> {
    match resource.issuer {
        PostgresIssuer::Certificate => certificate::authority(name, site),
        PostgresIssuer::DynamicRole => Err(super::order::no_ca(name)),
    }
}
