//! `AssumeRole`, from base credentials.

use aws_sdk_sts::{
    Client,
    config::Builder,
    operation::assume_role::{AssumeRoleError, builders::AssumeRoleFluentBuilder},
    types::Tag,
};

use super::{base::Base, refusal, session};
use crate::{
    domain::{
        catalogue::{AwsResource, AwsRole},
        credential::Credential,
        failure::{Failure, Result},
    },
    issuers::{
        order::{Order, Site},
        target::{self, in_time},
    },
};

/// A session that the base credentials ask for.
pub(super) async fn issue(
    resource: &AwsResource,
    role: &AwsRole,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    let name = &order.grant.entitlement.resource;
    let base = Base::load(name, resource, site).await?;
    let client = Client::from_conf(Builder::from(&base.config).build());
    let call = request(&client, role, order)?;
    let answered = async {
        let send = |seconds| call.clone().duration_seconds(seconds).send();
        session::longest(order, send).await.map_err(|error| {
            refusal::failure::<AssumeRoleError>(&base.target, &error, |answer| {
                refusal::of_assume_role(name, answer)
            })
        })
    };
    let answer = in_time(&base.target, answered).await?;
    session::credential(answer.credentials, resource, order)
        .ok_or_else(|| target::foreign(&base.target, refusal::TARGET_KIND))
}

fn request(client: &Client, role: &AwsRole, order: &Order<'_>) -> Result<AssumeRoleFluentBuilder> {
    let mut call = client
        .assume_role()
        .role_arn(&role.arn)
        .role_session_name(session::name(order))
        .source_identity(session::source_identity(order))
        .set_policy(role.session_policy.clone());
    for (key, value) in session::tags(order) {
        let tag = Tag::builder().key(key).value(value).build();
        let tag = tag.map_err(|error| {
            Failure::failed(format!("session tag {key} cannot be made")).because(&error)
        })?;
        // Transitive: a role that is assumed from this one keeps them and cannot change them.
        call = call.tags(tag).transitive_tag_keys(key);
    }
    Ok(call)
}
