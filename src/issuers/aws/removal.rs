//! What an account's administrator applies so that AWS trusts this authority no more.

use std::collections::BTreeSet;

use super::{names::checked_arn, provider::identifier};
use crate::{
    domain::{catalogue::AwsResource, entitlement::ResourceName, failure::Result},
    issuers::order::Issuer,
};

/// Takes the trust of the roles back; with `issuer` the provider too, which trusted its tokens.
pub(super) fn commands(
    name: &ResourceName,
    resource: &AwsResource,
    issuer: Option<&Issuer<'_>>,
) -> Result<String> {
    let account = &resource.account;
    let arns = resource
        .roles
        .values()
        .map(|role| checked_arn(&role.arn, account));
    let arns: BTreeSet<&str> = arns.collect::<Result<_>>()?;
    let first = arns.first().and_then(|arn| arn.split(':').nth(1));
    let partition = first.unwrap_or("aws");
    let mut text = format!(
        "\
# {name}: has account {account} trust this authority no more. Sessions that were made hold until their end, an
# hour at most where the policies say nothing else; the console ends them (\"Revoke active sessions\" of the role).
#
# Take the statement that \"jit trust {name}\" added out of the trust policy of each role:
"
    );
    for arn in arns {
        let short = arn.rsplit('/').next().unwrap_or(arn);
        text = format!(
            "{text}\
#   aws iam get-role --role-name {short} --query Role.AssumeRolePolicyDocument > trust.json
#   aws iam update-assume-role-policy --role-name {short} --policy-document file://trust.json
"
        );
    }
    let Some(issuer) = issuer else {
        return Ok(text + "# and out of the policy of the base credentials.\n");
    };
    let id = identifier(name, issuer)?;
    Ok(format!(
        "{text}\
#
# Then the OIDC provider, once no other resource of the account uses it:
#   aws iam delete-open-id-connect-provider --open-id-connect-provider-arn arn:{partition}:iam::{account}:oidc-provider/{id}
"
    ))
}
