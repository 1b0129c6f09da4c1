//! Trust over HTTP: what a target's administrator applies is text (`GET`, with `?ca=true` just the key
//! or certificate, with `?remove=true` what undoes it); a host is vouched for by `POST`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A host that is to be vouched for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HostRequest {
    /// Its public key, in OpenSSH's one-line form.
    pub key: String,
    /// The names and addresses that it is reached by.
    pub hosts: Vec<String>,
    /// For how many seconds.
    pub ttl: u64,
    /// The client's host name.
    #[serde(default)]
    pub host: String,
    /// Its terminal.
    #[serde(default)]
    pub terminal: Option<String>,
}

/// A host's certificate.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HostView {
    /// The certificate in OpenSSH's one-line form.
    pub line: String,
    /// A shell script that brings it into use.
    pub script: String,
}
