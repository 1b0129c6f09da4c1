//! The clock of STS, which it tells to anybody.

use super::base;
use crate::{
    domain::{
        catalogue::AwsResource,
        entitlement::ResourceName,
        failure::{Failure, Result},
        time::Timestamp,
    },
    issuers::{
        order::{PATIENCE, Site},
        target::{self, in_time},
    },
    platform::{date, http},
};

/// The clock of the resource's STS; `None` where it does not tell it.
///
/// # Errors
/// STS does not answer.
pub async fn clock(
    name: &ResourceName,
    resource: &AwsResource,
    site: &Site<'_>,
) -> Result<Option<Timestamp>> {
    let url = match &resource.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => address(resource, site),
    };
    let target = format!("{name} at {url}");
    let url = target::address(&url)?;
    let client = http::client(&url, PATIENCE).build().map_err(|error| {
        Failure::failed(format!("{target} cannot be spoken to"))
            .because(&error)
            .hint("check the system's certificates")
    })?;
    let answered = async {
        let sent = client.get(url).send().await;
        sent.map_err(|error| target::unreachable(&target, &error))
    };
    Ok(date::of(in_time(&target, answered).await?.headers()))
}

/// The regional STS, in the partition of the roles (`aws`, `aws-cn`, `aws-us-gov`).
fn address(resource: &AwsResource, site: &Site<'_>) -> String {
    let region = base::region(resource, site.environment);
    let mut roles = resource.roles.values();
    let is_china = roles.any(|role| role.arn.starts_with("arn:aws-cn:"));
    let end = if is_china { ".cn" } else { "" };
    format!("https://sts.{region}.amazonaws.com{end}")
}
