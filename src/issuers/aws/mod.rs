//! aws: a session of an IAM role, with source identity and session tags that name principal and grant.
//!
//! STS makes no session shorter than fifteen minutes and cannot be told that one is over. So a
//! credential may live at AWS for some minutes longer than its grant; it is never used for longer,
//! since the lease ends with the grant. botocore asks for a new credential when less than fifteen
//! minutes are left, which with sessions as short as these is at every call.

mod arn;
mod assume_role;
mod base;
mod caller_identity;
mod clock;
mod names;
mod own;
mod place;
mod provider;
mod refusal;
mod removal;
mod session;
mod signed;
mod trust;
mod web_identity;

pub use arn::CallerIdentity;
pub use caller_identity::Sts;
pub use clock::clock;
pub use own::own_credentials;
pub use place::Place;
pub use signed::{Binding, sign};

use super::order::{self, Order, Site, role_of};
use crate::domain::{
    catalogue::{AwsIssuer, AwsResource},
    credential::Credential,
    entitlement::ResourceName,
    failure::Result,
};

/// Session credentials of the IAM role.
///
/// # Errors
/// The catalogue has no such role; STS is down, slow, refuses, or is none. For `AssumeRole`: there are
/// no base credentials. For the own issuer: there is no server that STS could fetch its keys from.
pub async fn issue(
    resource: &AwsResource,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    let role = role_of(&resource.roles, order.grant)?;
    names::checked_arn(&role.arn, &resource.account)?;
    match resource.issuer {
        AwsIssuer::AssumeRole => assume_role::issue(resource, role, order, site).await,
        AwsIssuer::WebIdentity => web_identity::issue(resource, role, order, site).await,
    }
}

/// What the account's administrator must apply: JSON between comments.
pub fn trust(name: &ResourceName, resource: &AwsResource, site: &Site<'_>) -> Result<String> {
    match resource.issuer {
        AwsIssuer::AssumeRole => trust::policies(name, resource),
        AwsIssuer::WebIdentity => {
            provider::policies(name, resource, &web_identity::issuer(name, site)?)
        }
    }
}

/// What undoes that.
pub fn removal(name: &ResourceName, resource: &AwsResource, site: &Site<'_>) -> Result<String> {
    match resource.issuer {
        AwsIssuer::AssumeRole => removal::commands(name, resource, None),
        AwsIssuer::WebIdentity => {
            removal::commands(name, resource, Some(&web_identity::issuer(name, site)?))
        }
    }
}

/// The certificate authority of the server that STS fetches keys from, PEM.
///
/// # Errors
/// Usage, where the account trusts no certificate of ours: for `AssumeRole`, and where that server's
/// certificate is from a public authority.
pub fn trust_ca(name: &ResourceName, resource: &AwsResource, site: &Site<'_>) -> Result<String> {
    match resource.issuer {
        AwsIssuer::AssumeRole => Err(order::no_ca(name)),
        AwsIssuer::WebIdentity => web_identity::issuer(name, site)?.trust_ca(name),
    }
}
