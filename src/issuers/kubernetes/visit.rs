//! What an API server says to whoever asks: its clock, and to a token whom it knows by it.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::api::{Api, TARGET_KIND};
use crate::{
    domain::{
        catalogue::{KubernetesIssuer, KubernetesResource},
        entitlement::ResourceName,
        failure::{Failure, Result},
        time::Timestamp,
    },
    issuers::{order::Site, target},
};

/// What an API server knows a token by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// The user: `system:serviceaccount:jit:view`, `jit:alice`; absent from servers before 1.28.
    pub user: Option<String>,
    /// The verbs that RBAC allows it on any resource of the API in the namespace `default` or
    /// everywhere, beyond asking about itself.
    pub verbs: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewStatus {
    user_info: UserInfo,
}

#[derive(Deserialize)]
struct UserInfo {
    username: String,
}

#[derive(Deserialize)]
struct Rules {
    status: RulesStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RulesStatus {
    #[serde(default)]
    resource_rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    api_groups: Vec<String>,
}

impl Rule {
    /// Whether it is one of those that everybody has: to ask what one is and may.
    fn is_of_everybody(&self) -> bool {
        const OWN: [&str; 2] = ["authentication.k8s.io", "authorization.k8s.io"];
        let own = |group: &String| OWN.contains(&group.as_str());
        !self.api_groups.is_empty() && self.api_groups.iter().all(own)
    }
}

/// Asks with a token of ours who it is and what it may.
///
/// # Errors
/// The API server does not answer, or does not know the token.
pub async fn visit(
    name: &ResourceName,
    resource: &KubernetesResource,
    token: &SecretString,
    site: &Site<'_>,
) -> Result<Visit> {
    let api = Api::new(name, resource, site)?.with(token)?;
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let issuer = resource.issuer;
    let review: Option<Review> = asked(&api, issuer, path, &body).await?;
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": { "namespace": "default" },
    });
    let rules: Option<Rules> = asked(&api, issuer, path, &body).await?;
    let rules = rules.map_or_else(Vec::new, |rules| rules.status.resource_rules);
    let beyond = rules.into_iter().filter(|rule| !rule.is_of_everybody());
    Ok(Visit {
        user: review.map(|review| review.status.user_info.username),
        verbs: beyond.flat_map(|rule| rule.verbs).collect(),
    })
}

/// The answer to a review; `None` where the server does not know that one.
async fn asked<T: DeserializeOwned>(
    api: &Api,
    issuer: KubernetesIssuer,
    path: &str,
    body: &serde_json::Value,
) -> Result<Option<T>> {
    let answer = api.post(path, body).await?;
    match answer.status {
        StatusCode::NOT_FOUND => Ok(None),
        StatusCode::UNAUTHORIZED => Err(unknown(api, issuer)),
        status if status.is_success() => serde_json::from_slice(&answer.body)
            .map(Some)
            .map_err(|_| target::foreign(&api.target, TARGET_KIND)),
        _ => Err(api.refused(&answer, "review the token that it has just made")),
    }
}

/// A token that the API server does not know.
fn unknown(api: &Api, issuer: KubernetesIssuer) -> Failure {
    let name = &api.name;
    match issuer {
        KubernetesIssuer::TokenRequest => Failure::failed(format!(
            "{name} does not accept the token that it has just made"
        ))
        .hint("all its API servers must share their service accounts' key; see its log"),
        KubernetesIssuer::Oidc => {
            Failure::failed(format!("{name} does not accept this authority's token")).hint(format!(
                "start its API servers with what \"jit trust {name}\" prints; they must reach the \
                 authority, and their log says why they refuse"
            ))
        }
    }
}

/// The API server's own clock, which it tells to anybody; `None` where it does not.
///
/// # Errors
/// The API server does not answer.
pub async fn clock(
    name: &ResourceName,
    resource: &KubernetesResource,
    site: &Site<'_>,
) -> Result<Option<Timestamp>> {
    let api = Api::new(name, resource, site)?;
    Ok(api.get("/version").await?.at)
}
