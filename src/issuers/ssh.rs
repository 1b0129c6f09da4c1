//! ssh: to be written.

use super::order::{Order, Revocation, Site};
use crate::domain::{
    catalogue::SshResource,
    credential::Credential,
    elevation::Grant,
    entitlement::ResourceName,
    failure::{Failure, Result},
};

/// Issues.
pub fn issue(_: &SshResource, _: &Order<'_>, _: &Site<'_>) -> Result<Credential> {
    Err(Failure::failed("not written yet"))
}

/// Revokes.
pub async fn revoke(_: &SshResource, _: &Grant, _: &Site<'_>) -> Result<Revocation> {
    Err(Failure::failed("not written yet"))
}

/// What the target needs.
pub fn trust(_: &ResourceName, _: &SshResource, _: &Site<'_>) -> Result<String> {
    Err(Failure::failed("not written yet"))
}

/// Only the key.
pub fn trust_ca(_: &ResourceName, _: &Site<'_>) -> Result<String> {
    Err(Failure::failed("not written yet"))
}
