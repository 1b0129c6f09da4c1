//! Whose a token is, as its own API server says (`TokenReview`): for clusters whose issuer cannot be
//! reached.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;

use super::{
    api::{Api, TARGET_KIND},
    clients::Clients,
};
use crate::{
    domain::{
        catalogue::KubernetesResource,
        entitlement::ResourceName,
        failure::{Code, Failure, Result},
    },
    issuers::{
        order::Site,
        target::{self, Questions},
    },
};

const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// Whom the API server knows by a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// `system:serviceaccount:NAMESPACE:NAME`
    pub username: String,
    /// The account's own id.
    pub uid: String,
    /// The pod and the node that it is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
    /// For which of the audiences that were asked about it was made.
    pub audiences: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Review {
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    authenticated: bool,
    #[serde(default)]
    user: User,
    #[serde(default)]
    audiences: BTreeSet<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
    uid: String,
    extra: BTreeMap<String, Vec<String>>,
}

/// API servers as they are asked about tokens: by one HTTP client each, and so many questions at once.
#[derive(Debug, Default)]
pub struct TokenReviews {
    clients: Clients,
    questions: Questions,
}

impl TokenReviews {
    /// Asks with the resource's own credential, which must be allowed to (`system:auth-delegator`).
    ///
    /// # Errors
    /// Sign-in (123): the API server does not know the token, or it is for nobody of `audiences`. It does
    /// not answer, refuses the credential, or is asked too much already.
    pub async fn review(
        &self,
        (name, resource): (&ResourceName, &KubernetesResource),
        token: &str,
        audiences: &[&str],
        site: &Site<'_>,
    ) -> Result<Reviewed> {
        let api = Api::reusing(&self.clients, name, resource, site)?;
        let _turn = self.questions.turn(&api.target).await?;
        review(&api, name, token, audiences).await
    }
}

async fn review(
    api: &Api,
    name: &ResourceName,
    token: &str,
    audiences: &[&str],
) -> Result<Reviewed> {
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": { "token": token, "audiences": audiences },
    });
    let answer = api.post(PATH, &body).await?;
    if !answer.status.is_success() {
        return Err(api.refused(&answer, "review tokens").hint(
            "bind the ClusterRole system:auth-delegator to the service account of its credential",
        ));
    }
    let review: Review = serde_json::from_slice(&answer.body)
        .map_err(|_| target::foreign(&api.target, TARGET_KIND))?;
    let Status {
        authenticated,
        user,
        audiences,
    } = review.status;
    // A server that knows nothing of audiences says none: then it may be for anybody.
    if !authenticated || audiences.is_empty() {
        let message = format!("{name} does not know the token, or it is for another audience");
        return Err(Failure::new(Code::SignIn, message)
            .hint("present a new token of the service account, made for this server"));
    }
    Ok(Reviewed {
        username: user.username,
        uid: user.uid,
        extra: user.extra,
        audiences,
    })
}
