//! What an account's administrator must apply so that STS accepts the authority's own tokens: an OIDC
//! provider, and the trust policy of each role.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{names::checked_arn, web_identity::AUDIENCE};
use crate::{
    domain::{
        catalogue::AwsResource,
        entitlement::ResourceName,
        failure::{Failure, Result},
    },
    issuers::order::Issuer,
};

const ACTIONS: [&str; 3] = [
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];

/// JSON documents between comments: the provider, then a trust policy for each IAM role.
pub(super) fn policies(
    name: &ResourceName,
    resource: &AwsResource,
    issuer: &Issuer<'_>,
) -> Result<String> {
    let id = identifier(name, issuer)?;
    let mut text = head(name, resource, issuer)?;
    let mut roles: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (role, held) in &resource.roles {
        let arn = checked_arn(&held.arn, &resource.account)?;
        roles.entry(arn).or_default().insert(role.as_str());
    }
    for (number, (arn, names)) in (1..).zip(roles) {
        let short = arn.rsplit('/').next().unwrap_or(arn);
        let policy = trust_policy(name, arn, id, &names);
        text = format!(
            "{text}#\n\
             #   jit trust {name} | grep -v '^#' | jq -s '.[{number}]' > trust.json\n\
             #   aws iam update-assume-role-policy --role-name {short} --policy-document file://trust.json\n\
             {}\n",
            written(&policy)?
        );
    }
    Ok(text)
}

fn head(name: &ResourceName, resource: &AwsResource, issuer: &Issuer<'_>) -> Result<String> {
    let provider = json!({ "Url": issuer.url, "ClientIDList": [AUDIENCE] });
    Ok(format!(
        "\
# {name}: lets this authority assume the roles of account {account} by its own tokens; it keeps no
# credential of the account. STS fetches the keys from {url}, so that must be reachable
# from the Internet.
#
# 1. The OIDC provider, once in the account:
#   jit trust {name} | grep -v '^#' | jq -s '.[0]' > provider.json
#   aws iam create-open-id-connect-provider --cli-input-json file://provider.json
{provider}
#
# 2. The trust policy of each role. A token is for one role of this authority, which its tags say; so a
#    token for one role opens no other. \"sub\" is the principal, as human/alice@example.com: narrow
#    it, for example to human/*, where not everybody may have the role whatever jit says.
",
        account = resource.account,
        url = issuer.url,
        provider = written(&provider)?,
    ))
}

fn trust_policy(name: &ResourceName, arn: &str, id: &str, roles: &BTreeSet<&str>) -> Value {
    let mut parts = arn.split(':').skip(1);
    let partition = parts.next().unwrap_or("aws");
    let account = parts.nth(2).unwrap_or_default();
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {
                "Federated": format!("arn:{partition}:iam::{account}:oidc-provider/{id}"),
            },
            "Action": ACTIONS,
            "Condition": {
                "StringEquals": {
                    format!("{id}:aud"): AUDIENCE,
                    "aws:RequestTag/jit:resource": name,
                    "aws:RequestTag/jit:role": roles,
                },
                "StringLike": {
                    format!("{id}:sub"): "*",
                    "sts:SourceIdentity": "*",
                },
            },
        }],
    })
}

/// The issuer as IAM names it: its URL without `https://`.
pub(super) fn identifier<'a>(name: &ResourceName, issuer: &Issuer<'a>) -> Result<&'a str> {
    let id = issuer.url.strip_prefix("https://").unwrap_or(issuer.url);
    let host = id.split('/').next().unwrap_or(id);
    if host.contains(':') {
        return Err(Failure::failed(format!(
            "{name} cannot trust {}: AWS takes no issuer with a port",
            issuer.url
        ))
        .hint("give the server a public URL without one, and let it listen on 443"));
    }
    Ok(id)
}

fn written(document: &Value) -> Result<String> {
    serde_json::to_string_pretty(document)
        .map_err(|error| Failure::failed("the policy cannot be written").because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuers::sample;

    fn printed(url: &str) -> Result<String> {
        let resource: AwsResource = toml::from_str(
            "account = \"123456789012\"
            issuer = \"web-identity\"
            roles.read.arn = \"arn:aws:iam::123456789012:role/read\"
            roles.narrow.arn = \"arn:aws:iam::123456789012:role/read\"
            roles.admin.arn = \"arn:aws:iam::123456789012:role/ops/admin\"",
        )
        .unwrap();
        let issuer = Issuer {
            url,
            ..sample::site().issuer.unwrap()
        };
        policies(&"aws/prod".parse().unwrap(), &resource, &issuer)
    }

    #[test]
    fn a_provider_and_a_policy_for_each_role() {
        let text = printed("https://jit.example.com").unwrap();
        let json: String = text.lines().filter(|line| !line.starts_with('#')).collect();
        let read: Vec<Value> = serde_json::Deserializer::from_str(&json)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(read.len(), 3);
        insta::assert_snapshot!(text, @r#"
        # aws/prod: lets this authority assume the roles of account 123456789012 by its own tokens; it keeps no
        # credential of the account. STS fetches the keys from https://jit.example.com, so that must be reachable
        # from the Internet.
        #
        # 1. The OIDC provider, once in the account:
        #   jit trust aws/prod | grep -v '^#' | jq -s '.[0]' > provider.json
        #   aws iam create-open-id-connect-provider --cli-input-json file://provider.json
        {
          "Url": "https://jit.example.com",
          "ClientIDList": [
            "sts.amazonaws.com"
          ]
        }
        #
        # 2. The trust policy of each role. A token is for one role of this authority, which its tags say; so a
        #    token for one role opens no other. "sub" is the principal, as human/alice@example.com: narrow
        #    it, for example to human/*, where not everybody may have the role whatever jit says.
        #
        #   jit trust aws/prod | grep -v '^#' | jq -s '.[1]' > trust.json
        #   aws iam update-assume-role-policy --role-name admin --policy-document file://trust.json
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Effect": "Allow",
              "Principal": {
                "Federated": "arn:aws:iam::123456789012:oidc-provider/jit.example.com"
              },
              "Action": [
                "sts:AssumeRoleWithWebIdentity",
                "sts:SetSourceIdentity",
                "sts:TagSession"
              ],
              "Condition": {
                "StringEquals": {
                  "jit.example.com:aud": "sts.amazonaws.com",
                  "aws:RequestTag/jit:resource": "aws/prod",
                  "aws:RequestTag/jit:role": [
                    "admin"
                  ]
                },
                "StringLike": {
                  "jit.example.com:sub": "*",
                  "sts:SourceIdentity": "*"
                }
              }
            }
          ]
        }
        #
        #   jit trust aws/prod | grep -v '^#' | jq -s '.[2]' > trust.json
        #   aws iam update-assume-role-policy --role-name read --policy-document file://trust.json
        {
          "Version": "2012-10-17",
          "Statement": [
            {
              "Effect": "Allow",
              "Principal": {
                "Federated": "arn:aws:iam::123456789012:oidc-provider/jit.example.com"
              },
              "Action": [
                "sts:AssumeRoleWithWebIdentity",
                "sts:SetSourceIdentity",
                "sts:TagSession"
              ],
              "Condition": {
                "StringEquals": {
                  "jit.example.com:aud": "sts.amazonaws.com",
                  "aws:RequestTag/jit:resource": "aws/prod",
                  "aws:RequestTag/jit:role": [
                    "narrow",
                    "read"
                  ]
                },
                "StringLike": {
                  "jit.example.com:sub": "*",
                  "sts:SourceIdentity": "*"
                }
              }
            }
          ]
        }
        "#);
    }

    #[test]
    fn aws_takes_no_issuer_with_a_port() {
        let failure = printed("https://jit.example.com:8443").unwrap_err();
        assert_eq!(
            failure.message,
            "aws/prod cannot trust https://jit.example.com:8443: AWS takes no issuer with a port"
        );
        assert!(
            printed("https://example.com/jit")
                .unwrap()
                .contains(":oidc-provider/example.com/jit\"")
        );
    }
}
