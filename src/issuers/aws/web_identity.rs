//! `AssumeRoleWithWebIdentity`, by a token of the authority's own OIDC issuer: no AWS credential is
//! kept, looked for or sent. Tags and source identity are signed claims of the token, since this call
//! has no parameters for them; the token itself goes to STS and to nobody else.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_sts::{
    Client, Config,
    config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig},
    operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{base, names, refusal, session};
use crate::{
    domain::{
        catalogue::{AwsResource, AwsRole},
        credential::Credential,
        entitlement::ResourceName,
        failure::Result,
        lease::CLOCK_SKEW,
    },
    issuers::{
        jwt::{self, Frame},
        order::{Issuer, Order, PATIENCE, Site},
        target::{self, in_time},
    },
};

/// Whom the token is for: what the AWS tools register an OIDC provider with.
pub(super) const AUDIENCE: &str = "sts.amazonaws.com";
/// How long STS may take to look at the token; the session's length is another matter.
const TOKEN_TTL: Duration = Duration::from_mins(5);

/// What STS makes the session of (IAM user guide, "Pass session tags in AWS STS").
#[derive(Serialize)]
struct More {
    #[serde(rename = "https://aws.amazon.com/tags")]
    tags: Tags,
    #[serde(rename = "https://aws.amazon.com/source_identity")]
    source_identity: String,
}

#[derive(Serialize)]
struct Tags {
    /// A list of one value for each key.
    principal_tags: BTreeMap<&'static str, [String; 1]>,
    /// A role that is assumed from this one keeps them and cannot change them.
    transitive_tag_keys: Vec<&'static str>,
}

/// A session that the authority's own token asks for.
pub(super) async fn issue(
    resource: &AwsResource,
    role: &AwsRole,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    let name = &order.grant.entitlement.resource;
    let token = token(order, &issuer(name, site)?)?;
    let (config, target) = sts(name, resource, site)?;
    let call = Client::from_conf(config)
        .assume_role_with_web_identity()
        .role_arn(&role.arn)
        .role_session_name(session::name(order))
        .web_identity_token(token.expose_secret())
        .set_policy(role.session_policy.clone());
    let answered = async {
        let send = |seconds| call.clone().duration_seconds(seconds).send();
        session::longest(order, send).await.map_err(|error| {
            refusal::failure::<AssumeRoleWithWebIdentityError>(&target, &error, |answer| {
                refusal::of_web_identity(name, answer)
            })
        })
    };
    let answer = in_time(&target, answered).await?;
    session::credential(answer.credentials, resource, order)
        .ok_or_else(|| target::foreign(&target, refusal::TARGET_KIND))
}

/// The authority as the issuer that the account trusts.
pub(super) fn issuer<'a>(name: &ResourceName, site: &'a Site<'_>) -> Result<Issuer<'a>> {
    site.own_issuer(name, "assume-role")
}

fn token(order: &Order<'_>, issuer: &Issuer<'_>) -> Result<SecretString> {
    let tags = session::tags(order);
    let frame = Frame {
        subject: names::subject(&order.grant.principal),
        audience: AUDIENCE,
        // STS refuses what comes from the future, by however little.
        issued_at: order.now.before(CLOCK_SKEW),
        expires_at: order.now.after(TOKEN_TTL),
    };
    let more = More {
        source_identity: session::source_identity(order),
        tags: Tags {
            transitive_tag_keys: tags.iter().map(|(key, _)| *key).collect(),
            principal_tags: tags
                .into_iter()
                .map(|(key, value)| (key, [value]))
                .collect(),
        },
    };
    jwt::token(order, issuer, &frame, &more)
}

/// How STS is spoken to, and its name in messages. Nothing of this machine is asked.
fn sts(name: &ResourceName, resource: &AwsResource, site: &Site<'_>) -> Result<(Config, String)> {
    let region = base::region(resource, site.environment);
    let target = base::target(name, resource, &region);
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(PATIENCE)
        .connect_timeout(PATIENCE / 3)
        .build();
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .timeout_config(timeouts);
    if let Some(endpoint) = &resource.endpoint {
        target::address(endpoint)?;
        config = config.endpoint_url(endpoint);
    }
    Ok((config.build(), target))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        domain::principal::{Class, Principal},
        issuers::{jwt::tests::verified, sample},
    };

    #[test]
    fn tags_and_source_identity_are_signed_and_in_the_shape_that_sts_reads() {
        let mut grant = sample::grant("aws/prod:read");
        grant.chain = vec![Principal::new(Class::Human, "bob").unwrap()];
        let order = sample::order(&grant);
        let token = token(&order, &sample::site().issuer.unwrap()).unwrap();
        let claims = verified(&token, AUDIENCE);
        assert_eq!(claims["aud"], "sts.amazonaws.com");
        assert_eq!(claims["sub"], "human/alice@example.com");
        assert_eq!(
            claims["https://aws.amazon.com/source_identity"],
            "alice@example.com"
        );
        assert_eq!(
            claims["https://aws.amazon.com/tags"],
            json!({
                "principal_tags": {
                    "jit:chain": ["bob"],
                    "jit:grant": [grant.id],
                    "jit:principal": ["alice@example.com"],
                    "jit:resource": ["aws/prod"],
                    "jit:role": ["read"],
                },
                "transitive_tag_keys":
                    ["jit:grant", "jit:principal", "jit:resource", "jit:role", "jit:chain"],
            })
        );
        assert_eq!(claims["iat"], sample::NOW.secs() - 60);
        assert_eq!(claims["exp"], sample::NOW.secs() + 300);
    }

    #[test]
    fn without_a_server_it_is_refused_in_one_sentence() {
        let site = Site {
            issuer: None,
            ..sample::site()
        };
        let failure = issuer(&"aws/prod".parse().unwrap(), &site).unwrap_err();
        insta::assert_snapshot!(format!("{failure}\n{}", failure.hint), @r#"
        aws/prod takes tokens of this authority's own issuer, whose keys only a server can publish
        run this authority as "jit serve", or choose issuer = "assume-role" in authority.toml
        "#);
    }
}
