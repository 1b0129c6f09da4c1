//! postgres: to be written.

use super::order::{Order, Revocation, Site};
use crate::domain::{
    catalogue::PostgresResource,
    credential::Credential,
    elevation::Grant,
    entitlement::ResourceName,
    failure::{Failure, Result},
};

/// Issues.
pub async fn issue(_: &PostgresResource, _: &Order<'_>, _: &Site<'_>) -> Result<Credential> {
    Err(Failure::failed("not written yet"))
}

/// Revokes.
pub async fn revoke(_: &PostgresResource, _: &Grant, _: &Site<'_>) -> Result<Revocation> {
    Err(Failure::failed("not written yet"))
}

/// What the target needs.
pub fn trust(_: &ResourceName, _: &PostgresResource, _: &Site<'_>) -> Result<String> {
    Err(Failure::failed("not written yet"))
}

/// Only the certificate.
pub fn trust_ca(_: &ResourceName, _: &PostgresResource, _: &Site<'_>) -> Result<String> {
    Err(Failure::failed("not written yet"))
}
