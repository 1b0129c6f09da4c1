//! The answer to kubectl that asks for a credential (`client.authentication.k8s.io`).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    plugin::not_a_cluster,
    question::{ApiVersion, Question},
};
use crate::domain::{
    credential::Secret,
    failure::{Failure, Result},
    lease::{CLOCK_SKEW, Lease, REFRESH_MARGIN},
    time::Timestamp,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    api_version: ApiVersion,
    kind: &'static str,
    status: Status<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_timestamp: Option<String>,
}

/// The `ExecCredential` for a lease, JSON on one line, in the version that was asked for.
///
/// It ends when the lease would be renewed, not when the token dies: client-go gives a refused
/// request back to the caller and asks for a new token only for the next one, so it must have asked
/// before.
///
/// Where this machine's clock is not the cluster's, no end is told: client-go compares it with the
/// clock that it finds, and would call the plugin for each request or keep a dead token.
///
/// # Errors
/// The lease is for another kind.
pub fn exec_credential(lease: &Lease, question: &Question) -> Result<Zeroizing<String>> {
    let Secret::KubernetesToken(token) = &lease.credential.secret else {
        return Err(not_a_cluster(&lease.grant.entitlement));
    };
    let token = token.expose_secret();
    let ends_at = (!is_clock_off(token, lease.issued_at)).then(|| ends_at(lease));
    let answer = Answer {
        api_version: question.version,
        kind: "ExecCredential",
        status: Status {
            token,
            expiration_timestamp: ends_at.map(Timestamp::to_rfc3339_seconds),
        },
    };
    serde_json::to_string(&answer)
        .map(Zeroizing::new)
        .map_err(|error| Failure::failed("the credential cannot be written").because(&error))
}

/// Whether the clock that stamped the token (`iat`: the API server's) was another one than that
/// which stamped the lease; where the token does not say, nothing is known against it.
fn is_clock_off(token: &str, issued_at: Timestamp) -> bool {
    made_at(token).is_some_and(|made_at| {
        made_at.left(issued_at) > CLOCK_SKEW || issued_at.left(made_at) > CLOCK_SKEW
    })
}

fn made_at(token: &str) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        iat: i64,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(Timestamp::from_secs(claims.iat))
}

/// The instant from which [`Lease::freshness`] says to renew, in whole seconds not before it.
fn ends_at(lease: &Lease) -> Timestamp {
    let credential = &lease.credential;
    let whole = credential.expires_at.left(lease.issued_at);
    let ends_at = credential.expires_at.before(REFRESH_MARGIN.min(whole / 4));
    ends_at.after(Duration::from_millis(999))
}
