//! The answer to kubectl that asks for a credential (`client.authentication.k8s.io`).

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::{
    credential::Secret,
    entitlement::Entitlement,
    environment::Environment,
    failure::{Failure, Result},
    lease::{Lease, REFRESH_MARGIN},
    time::Timestamp,
};

/// The version of the question and of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
enum ApiVersion {
    /// What every kubectl since 1.22 speaks.
    #[default]
    #[serde(rename = "client.authentication.k8s.io/v1")]
    V1,
    /// What older ones speak.
    #[serde(rename = "client.authentication.k8s.io/v1beta1")]
    V1Beta1,
}

impl ApiVersion {
    /// The version that `KUBERNETES_EXEC_INFO` asks for; v1 where the variable is absent.
    ///
    /// # Errors
    /// Usage, where the variable is not an `ExecCredential` of a version that there is.
    fn asked(exec_info: Option<&str>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Asked {
            #[serde(rename = "apiVersion")]
            version: ApiVersion,
        }
        let Some(text) = exec_info else {
            return Ok(Self::default());
        };
        serde_json::from_str(text)
            .map(|asked: Asked| asked.version)
            .map_err(|error| {
                Failure::usage("KUBERNETES_EXEC_INFO asks for nothing that jit can answer")
                    .because(&error)
                    .hint("the kubeconfig's exec plugin must speak client.authentication.k8s.io/v1")
            })
    }
}

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
    expiration_timestamp: String,
}

/// The `ExecCredential` for a lease, JSON on one line, in the version that `KUBERNETES_EXEC_INFO`
/// asks for.
///
/// It ends when the lease would be renewed, not when the token dies: client-go gives a refused
/// request back to the caller and asks for a new token only for the next one, so it must have asked
/// before.
///
/// # Errors
/// The lease is for another kind, or the question is one that nobody can answer.
pub fn exec_credential(lease: &Lease, environment: &Environment) -> Result<Zeroizing<String>> {
    let Secret::KubernetesToken(token) = &lease.credential.secret else {
        return Err(not_a_cluster(&lease.grant.entitlement));
    };
    let answer = Answer {
        api_version: ApiVersion::asked(environment.text("KUBERNETES_EXEC_INFO"))?,
        kind: "ExecCredential",
        status: Status {
            token: token.expose_secret(),
            expiration_timestamp: ends_at(lease).to_rfc3339_seconds(),
        },
    };
    serde_json::to_string(&answer)
        .map(Zeroizing::new)
        .map_err(|error| Failure::failed("the credential cannot be written").because(&error))
}

/// The instant from which [`Lease::freshness`] says to renew, in whole seconds not before it.
fn ends_at(lease: &Lease) -> Timestamp {
    let credential = &lease.credential;
    let whole = credential.expires_at.left(lease.issued_at);
    let ends_at = credential.expires_at.before(REFRESH_MARGIN.min(whole / 4));
    ends_at.after(Duration::from_millis(999))
}

/// What is said of an entitlement of another kind, best before it is asked for.
pub fn not_a_cluster(entitlement: &Entitlement) -> Failure {
    Failure::usage(format!("{entitlement} is not a cluster's role"))
        .hint("kubectl's plugin is called as: jit exec-credential kubernetes/NAME:ROLE")
}
