//! What is reached, by kind: what its issuer and its tools need to know of a resource and of its roles.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{
    entitlement::{ResourceName, RoleName, Tier},
    secret_reference::SecretReference,
};

/// One resource, with what its issuer and its tools need to know.
#[derive(Clone, Debug, Serialize)]
pub enum Resource {
    /// Hosts behind one SSH certificate authority.
    Ssh(SshResource),
    /// A cluster.
    Kubernetes(KubernetesResource),
    /// A database server.
    Postgres(PostgresResource),
    /// An account.
    Aws(AwsResource),
}

impl Resource {
    /// The labels that policies may speak of.
    pub const fn labels(&self) -> &BTreeSet<String> {
        match self {
            Self::Ssh(resource) => &resource.labels,
            Self::Kubernetes(resource) => &resource.labels,
            Self::Postgres(resource) => &resource.labels,
            Self::Aws(resource) => &resource.labels,
        }
    }

    /// The roles with their tiers, by name.
    pub fn roles(&self) -> Box<dyn Iterator<Item = (&RoleName, Tier)> + '_> {
        match self {
            Self::Ssh(resource) => Box::new(resource.roles.iter().map(|(n, r)| (n, r.tier))),
            Self::Kubernetes(resource) => Box::new(resource.roles.iter().map(|(n, r)| (n, r.tier))),
            Self::Postgres(resource) => Box::new(resource.roles.iter().map(|(n, r)| (n, r.tier))),
            Self::Aws(resource) => Box::new(resource.roles.iter().map(|(n, r)| (n, r.tier))),
        }
    }

    /// Takes a role out.
    pub fn remove(&mut self, role: &RoleName) {
        match self {
            Self::Ssh(resource) => drop(resource.roles.remove(role)),
            Self::Kubernetes(resource) => drop(resource.roles.remove(role)),
            Self::Postgres(resource) => drop(resource.roles.remove(role)),
            Self::Aws(resource) => drop(resource.roles.remove(role)),
        }
    }

    /// The tier of a role, if there is such a role.
    pub fn tier(&self, role: &RoleName) -> Option<Tier> {
        self.roles()
            .find(|(name, _)| *name == role)
            .map(|(_, tier)| tier)
    }
}

/// `[resources."ssh/NAME"]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshResource {
    /// Host names or addresses; `*` stands for any run of characters.
    pub hosts: Vec<String>,
    /// Labels for policies.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// Login name → its tier.
    pub roles: BTreeMap<RoleName, SshRole>,
}

/// A login name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshRole {
    /// How sensitive it is.
    #[serde(default)]
    pub tier: Tier,
}

/// `[resources."kubernetes/NAME"]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesResource {
    /// The API server's URL.
    pub server: String,
    /// Its certificate authority, PEM; relative to the directory of `authority.toml`.
    pub certificate_authority: Option<PathBuf>,
    /// The name that the server's certificate has, where that is not the host of `server`.
    pub tls_server_name: Option<String>,
    /// The contexts of a kubeconfig that mean this cluster.
    #[serde(default)]
    pub contexts: BTreeSet<String>,
    /// How credentials are made.
    pub issuer: KubernetesIssuer,
    /// For `token-request`: a bearer token that may create tokens and Secrets in the namespace.
    #[serde(skip_serializing)]
    pub credential: Option<SecretReference>,
    /// For `token-request`: where the Secrets live that tokens are bound to; `jit` if not said.
    pub namespace: Option<String>,
    /// For `oidc`: whom the tokens are for; the resource's own name if not said.
    pub audience: Option<String>,
    /// Labels for policies.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// Role → the service account or the groups that have it.
    pub roles: BTreeMap<RoleName, KubernetesRole>,
}

impl KubernetesResource {
    /// Where the Secrets live that tokens are bound to.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("jit")
    }

    /// Whom the tokens of the authority's own issuer are for. Each resource has another, so that a
    /// token for one cluster says nothing at another.
    pub fn audience(&self, name: &ResourceName) -> String {
        let own = || name.to_string();
        self.audience.clone().unwrap_or_else(own)
    }
}

/// How Kubernetes credentials are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KubernetesIssuer {
    /// `TokenRequest`, bound to a Secret whose deletion revokes the token.
    TokenRequest,
    /// A token of the authority's own OIDC issuer, whose keys the API server fetches.
    Oidc,
}

/// What a role is in a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesRole {
    /// For `token-request`: `namespace/name` of the service account.
    pub service_account: Option<String>,
    /// For `oidc`: the groups that the role is in the cluster.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// The kubectl verbs that it covers, where its name does not say so.
    #[serde(default)]
    pub verbs: BTreeSet<String>,
    /// How sensitive it is.
    #[serde(default)]
    pub tier: Tier,
}

/// `[resources."postgres/NAME"]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresResource {
    /// `host` or `host:port` of the server; 5432 where no port is named.
    pub hosts: Vec<String>,
    /// The databases that this resource covers; empty: all of the server's.
    #[serde(default)]
    pub databases: BTreeSet<String>,
    /// How credentials are made.
    pub issuer: PostgresIssuer,
    /// For `dynamic-role`: a connection URL that may create roles.
    #[serde(skip_serializing)]
    pub credential: Option<SecretReference>,
    /// The server's certificate authority, PEM; relative to the directory of `authority.toml`.
    /// With it connections are `verify-full`; without it they are encrypted, not verified.
    pub certificate_authority: Option<PathBuf>,
    /// Labels for policies.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// Role → the database role behind it.
    pub roles: BTreeMap<RoleName, PostgresRole>,
}

/// How PostgreSQL credentials are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PostgresIssuer {
    /// A client certificate, minutes long, mapped to the role.
    Certificate,
    /// A role made for the grant, a member of the role, `VALID UNTIL` its end.
    DynamicRole,
}

/// A database role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresRole {
    /// The role's name in the database.
    pub role: String,
    /// How sensitive it is.
    #[serde(default)]
    pub tier: Tier,
}

/// `[resources."aws/NAME"]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsResource {
    /// The 12-digit account id.
    pub account: String,
    /// The profiles of `~/.aws/config` that mean this account.
    #[serde(default)]
    pub profiles: BTreeSet<String>,
    /// The region, where the user has chosen none.
    pub region: Option<String>,
    /// How credentials are made.
    pub issuer: AwsIssuer,
    /// For `assume-role`: the profile that the authority assumes roles from; absent: what the SDK finds by itself.
    pub base_profile: Option<String>,
    /// Another address for STS, for endpoints of your own.
    pub endpoint: Option<String>,
    /// Labels for policies.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// Role → the IAM role behind it.
    pub roles: BTreeMap<RoleName, AwsRole>,
}

/// How AWS credentials are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AwsIssuer {
    /// `AssumeRole` from base credentials.
    AssumeRole,
    /// `AssumeRoleWithWebIdentity` by a token of the authority's own OIDC issuer, whose keys STS
    /// fetches.
    WebIdentity,
}

/// An IAM role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsRole {
    /// Its ARN.
    pub arn: String,
    /// A session policy, JSON, that narrows it further.
    pub session_policy: Option<String>,
    /// How sensitive it is.
    #[serde(default)]
    pub tier: Tier,
}
