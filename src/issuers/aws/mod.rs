//! aws: `AssumeRole`, with source identity and session tags that name principal and grant.
//!
//! STS makes no session shorter than fifteen minutes and cannot be told that one is over. So a
//! credential may live at AWS for some minutes longer than its grant; it is never used for longer,
//! since the lease ends with the grant. botocore asks for a new credential when less than fifteen
//! minutes are left, which with sessions as short as these is at every call.

mod arn;
mod base;
mod caller_identity;
mod clock;
mod names;
mod own;
mod place;
mod refusal;
mod signed;
mod trust;

pub use arn::CallerIdentity;
pub use caller_identity::identify;
pub use clock::clock;
pub use own::own_credentials;
pub use place::Place;
pub use signed::{Binding, sign};

use aws_sdk_sts::{
    Client,
    config::Builder,
    operation::assume_role::{AssumeRoleOutput, builders::AssumeRoleFluentBuilder},
    types::{self, Tag},
};

use self::base::Base;
use super::{
    order::{Order, Site, role_of},
    target::{self, in_time},
};
use crate::domain::{
    catalogue::{AwsIssuer, AwsResource, AwsRole},
    credential::{Credential, Secret},
    entitlement::ResourceName,
    failure::{Failure, Result},
    time::Timestamp,
};

/// What STS allows (`DurationSeconds`), in seconds.
const SHORTEST: u64 = 900;
const LONGEST: u64 = 43_200;

/// Session credentials of the IAM role.
///
/// # Errors
/// The catalogue has no such role; there are no base credentials; STS is down, slow, refuses, or is
/// none.
pub async fn issue(
    resource: &AwsResource,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    let AwsIssuer::AssumeRole = resource.issuer;
    let role = role_of(&resource.roles, order.grant)?;
    names::checked_arn(&role.arn, &resource.account)?;
    let name = &order.grant.entitlement.resource;
    let base = Base::load(name, resource, site).await?;
    let client = Client::from_conf(Builder::from(&base.config).build());
    let call = request(&client, role, order)?;
    let answered = async {
        let sent = call.send().await;
        sent.map_err(|error| refusal::failure(name, &base.target, &error))
    };
    credential(in_time(&base.target, answered).await?, resource, order)
        .ok_or_else(|| target::foreign(&base.target, refusal::TARGET_KIND))
}

fn request(client: &Client, role: &AwsRole, order: &Order<'_>) -> Result<AssumeRoleFluentBuilder> {
    let seconds = order.expires_at().left(order.now).as_secs();
    let seconds = i32::try_from(seconds.clamp(SHORTEST, LONGEST)).unwrap_or(900);
    let grant = order.grant;
    let mut call = client
        .assume_role()
        .role_arn(&role.arn)
        .role_session_name(format!("jit-{}", grant.id))
        .source_identity(names::source_identity(grant.principal.name()))
        .set_policy(role.session_policy.clone())
        .duration_seconds(seconds);
    for (key, value) in [
        ("jit:grant", grant.id.to_string()),
        ("jit:principal", grant.principal.to_string()),
        ("jit:resource", grant.entitlement.resource.to_string()),
        ("jit:role", grant.entitlement.role.to_string()),
    ] {
        let tag = Tag::builder().key(key).value(value).build();
        let tag = tag.map_err(|error| {
            Failure::failed(format!("session tag {key} cannot be made")).because(&error)
        })?;
        // Transitive: a role that is assumed from this one keeps them and cannot change them.
        call = call.tags(tag).transitive_tag_keys(key);
    }
    Ok(call)
}

fn credential(
    answer: AssumeRoleOutput,
    resource: &AwsResource,
    order: &Order<'_>,
) -> Option<Credential> {
    let types::Credentials {
        access_key_id,
        secret_access_key,
        session_token,
        expiration,
        ..
    } = answer.credentials?;
    let whole = [&access_key_id, &secret_access_key, &session_token]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic()));
    whole.then(|| Credential {
        serial: access_key_id.clone(),
        expires_at: Timestamp::from_secs(expiration.secs()).min(order.grant.expires_at),
        secret: Secret::AwsSession {
            access_key_id,
            secret_access_key: secret_access_key.into(),
            session_token: session_token.into(),
            account: Some(resource.account.clone()),
        },
    })
}

/// What the account's administrator must apply: JSON policies between comments.
pub fn trust(name: &ResourceName, resource: &AwsResource, _: &Site<'_>) -> Result<String> {
    trust::policies(name, resource)
}
