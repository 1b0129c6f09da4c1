//! `TokenRequest`: a token of a service account, bound to a Secret of the grant whose deletion ends the token.
//!
//! The API server makes no token that lives less than ten minutes; the lease ends when the grant
//! says so all the same, and deleting the Secret ends the token at the target (within ten seconds:
//! API servers remember for that long whom they let in). The Secret is empty. It stands in the
//! service account's namespace, since no other can be bound to.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::{
    account::ServiceAccount,
    api::{Api, TARGET_KIND},
    token::Issued,
};
use crate::{
    domain::{
        catalogue::KubernetesResource,
        credential::{Credential, Secret},
        elevation::Grant,
        failure::{Failure, Result},
    },
    issuers::{
        order::{Order, Revocation, Site, role_of},
        target,
    },
};

/// The API server refuses what is shorter (`ValidateTokenRequest`).
const SHORTEST: Duration = Duration::from_mins(10);

/// A token of the role's service account.
///
/// # Errors
/// The catalogue has no such role; the API server is down, slow, refuses, or is none.
pub(super) async fn issue(
    resource: &KubernetesResource,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    let account = ServiceAccount::of(resource, role_of(&resource.roles, order.grant)?)?;
    let api = Api::new(&order.grant.entitlement.resource, resource, site)?;
    make_secret(&api, &account, order).await?;
    let issued = request_token(&api, &account, order).await?;
    let end = order.expires_at();
    Ok(Credential {
        serial: issued.serial.unwrap_or_else(|| secret_name(order.grant)),
        // Told by the authority's clock: the server's may be set otherwise.
        expires_at: issued
            .life
            .map_or(end, |life| order.now.after(life).min(end)),
        secret: Secret::KubernetesToken(issued.token),
    })
}

/// Deletes the grant's Secret, and with it the right of every token that is bound to it.
pub(super) async fn revoke(
    resource: &KubernetesResource,
    grant: &Grant,
    site: &Site<'_>,
) -> Result<Revocation> {
    let name = secret_name(grant);
    let by_hand = format!("kubectl delete secrets -A -l jit/grant={}", grant.id);
    let role = role_of(&resource.roles, grant).map_err(|failure| failure.hint(&by_hand))?;
    let account = ServiceAccount::of(resource, role)?;
    let api = Api::new(&grant.entitlement.resource, resource, site)?;
    let path = format!("/api/v1/namespaces/{}/secrets/{name}", account.namespace);
    let answer = api.delete(&path).await?;
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
        return Ok(Revocation::Ended);
    }
    Err(api.refused(
        &answer,
        &format!("delete Secret {}/{name}", account.namespace),
    ))
}

fn secret_name(grant: &Grant) -> String {
    format!("jit-{}", grant.id)
}

/// Makes the Secret of the grant; one that is there already is the same grant's.
async fn make_secret(api: &Api, account: &ServiceAccount, order: &Order<'_>) -> Result<()> {
    let grant = order.grant;
    let name = secret_name(grant);
    let body = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "immutable": true,
        "metadata": {
            "name": name,
            "labels": { "app.kubernetes.io/managed-by": "jit", "jit/grant": grant.id },
            "annotations": {
                "jit/principal": order.line(),
                "jit/entitlement": grant.entitlement,
                "jit/expires-at": grant.expires_at,
            },
        },
    });
    let namespace = &account.namespace;
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    let answer = api.post(&path, &body).await?;
    match answer.status {
        StatusCode::CREATED | StatusCode::CONFLICT => Ok(()),
        StatusCode::NOT_FOUND => Err(Failure::failed(format!(
            "namespace {namespace} is not there in {}",
            api.name
        ))
        .hint(api.apply())),
        _ => Err(api.refused(&answer, &format!("create Secret {namespace}/{name}"))),
    }
}

async fn request_token(api: &Api, account: &ServiceAccount, order: &Order<'_>) -> Result<Issued> {
    let seconds = order.expires_at().left(order.now).max(SHORTEST).as_secs();
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {
            "expirationSeconds": seconds,
            // Without a uid: the server fills in that of the Secret which is there.
            "boundObjectRef": {
                "apiVersion": "v1",
                "kind": "Secret",
                "name": secret_name(order.grant),
            },
        },
    });
    let ServiceAccount { namespace, name } = account;
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
    let answer = api.post(&path, &body).await?;
    match answer.status {
        StatusCode::CREATED => {
            Issued::read(&answer.body).ok_or_else(|| target::foreign(&api.target, TARGET_KIND))
        }
        StatusCode::NOT_FOUND if answer.is_about("secrets") => Err(Failure::failed(format!(
            "the Secret of grant {} was deleted meanwhile",
            order.grant.id
        ))
        .hint("somebody revoked it; run the command again to ask for a new grant")),
        StatusCode::NOT_FOUND => Err(Failure::failed(format!(
            "service account {namespace}/{name} is not there in {}",
            api.name
        ))
        .hint(api.apply())),
        _ => Err(api.refused(&answer, &format!("create a token of {namespace}/{name}"))),
    }
}
