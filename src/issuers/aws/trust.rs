//! What an account's administrator must apply so that base credentials may assume its roles.

use serde_json::{Value, json};

use super::names::checked_arn;
use crate::domain::{
    catalogue::AwsResource,
    entitlement::ResourceName,
    failure::{Failure, Result},
};

const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

/// Two policies between comments: each role's trust policy, and what the base credentials may do.
pub(super) fn policies(name: &ResourceName, resource: &AwsResource) -> Result<String> {
    let account = &resource.account;
    let mut arns = Vec::new();
    let mut commands = String::new();
    for role in resource.roles.values() {
        let arn = checked_arn(&role.arn, account)?;
        let short = arn.rsplit('/').next().unwrap_or(arn);
        arns.push(arn);
        commands = format!(
            "{commands}#   aws iam update-assume-role-policy --role-name {short} --policy-document file://trust.json\n"
        );
    }
    let partition = arns
        .first()
        .and_then(|arn| arn.split(':').nth(1))
        .unwrap_or("aws");
    let trust = document(&json!({
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:{partition}:iam::{account}:role/jit-authority") },
        "Action": ACTIONS,
    }))?;
    let base = document(&json!({ "Effect": "Allow", "Action": ACTIONS, "Resource": arns }))?;
    Ok(format!(
        "\
# {name}: lets this authority assume the roles of account {account}.
#
# 1. The trust policy of each role. Put the identity of the base credentials in the place of
#    jit-authority (\"aws sts get-caller-identity\" tells it; of an assumed role, name the role), then:
#   jit trust {name} | grep -v '^#' | jq -s '.[0]' > trust.json
{commands}{trust}
#
# 2. The policy of the base credentials (jq -s '.[1]'). They need it where they are of another account.
{base}
#
# Nothing else should be able to assume these roles: sessions of jit carry a source identity and the
# tags jit:principal, jit:grant, jit:resource and jit:role, by which CloudTrail tells them apart.
"
    ))
}

fn document(statement: &Value) -> Result<String> {
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
    serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::failed("the policy cannot be written").because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "the text is shown whole")]
    fn two_policies_that_can_be_applied() {
        let resource: AwsResource = toml::from_str(
            "account = \"123456789012\"
            issuer = \"assume-role\"
            roles.read.arn = \"arn:aws:iam::123456789012:role/read\"
            roles.admin.arn = \"arn:aws:iam::123456789012:role/ops/admin\"",
        )
        .unwrap();
        let text = policies(&"aws/prod".parse().unwrap(), &resource).unwrap();
        let json: String = text.lines().filter(|line| !line.starts_with('#')).collect();
        let read: Vec<Value> = serde_json::Deserializer::from_str(&json)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(read.len(), 2);
        insta::assert_snapshot!(text, @r#"
            # aws/prod: lets this authority assume the roles of account 123456789012.
            #
            # 1. The trust policy of each role. Put the identity of the base credentials in the place of
            #    jit-authority ("aws sts get-caller-identity" tells it; of an assumed role, name the role), then:
            #   jit trust aws/prod | grep -v '^#' | jq -s '.[0]' > trust.json
            #   aws iam update-assume-role-policy --role-name admin --policy-document file://trust.json
            #   aws iam update-assume-role-policy --role-name read --policy-document file://trust.json
            {
              "Version": "2012-10-17",
              "Statement": [
                {
                  "Effect": "Allow",
                  "Principal": {
                    "AWS": "arn:aws:iam::123456789012:role/jit-authority"
                  },
                  "Action": [
                    "sts:AssumeRole",
                    "sts:SetSourceIdentity",
                    "sts:TagSession"
                  ]
                }
              ]
            }
            #
            # 2. The policy of the base credentials (jq -s '.[1]'). They need it where they are of another account.
            {
              "Version": "2012-10-17",
              "Statement": [
                {
                  "Effect": "Allow",
                  "Action": [
                    "sts:AssumeRole",
                    "sts:SetSourceIdentity",
                    "sts:TagSession"
                  ],
                  "Resource": [
                    "arn:aws:iam::123456789012:role/ops/admin",
                    "arn:aws:iam::123456789012:role/read"
                  ]
                }
              ]
            }
            #
            # Nothing else should be able to assume these roles: sessions of jit carry a source identity and the
            # tags jit:principal, jit:grant, jit:resource and jit:role, by which CloudTrail tells them apart.
            "#);
    }
}
