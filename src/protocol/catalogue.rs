//! The catalogue over HTTP: what a client must know to recognise a command and to reach its target.
//! What only the authority needs (where its own credentials are, by what it issues) is not in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    catalogue::{
        AwsResource, KubernetesResource, PostgresIssuer, PostgresResource, Resource, SshResource,
    },
    entitlement::{ResourceName, RoleName, Tier},
};

/// The part of the catalogue that the caller may see (`GET /v1/resources`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogueView {
    /// The resources, by their names: `kubernetes/prod`.
    #[schema(value_type = BTreeMap<String, ResourceView>)]
    pub resources: BTreeMap<ResourceName, ResourceView>,
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ResourceView {
    /// Hosts behind one SSH certificate authority.
    Ssh(SshView),
    /// A cluster.
    Kubernetes(KubernetesView),
    /// A database server.
    Postgres(PostgresView),
    /// An account.
    Aws(AwsView),
}

/// Hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshView {
    /// Host names or addresses; `*` stands for any run of characters.
    pub hosts: Vec<String>,
    /// The public key that vouches for them, in OpenSSH's one-line form, once it has vouched for one.
    #[serde(default)]
    pub host_authority: Option<String>,
    /// The login names.
    #[schema(value_type = BTreeMap<String, RoleView>)]
    pub roles: BTreeMap<RoleName, RoleView>,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KubernetesView {
    /// The API server's URL.
    pub server: String,
    /// Its certificate authority, PEM.
    #[serde(default)]
    pub certificate_authority: Option<String>,
    /// The name that the server's certificate has, where that is not the host of `server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_server_name: Option<String>,
    /// The contexts of a kubeconfig that mean this cluster.
    #[serde(default)]
    pub contexts: BTreeSet<String>,
    /// The roles.
    #[schema(value_type = BTreeMap<String, RoleView>)]
    pub roles: BTreeMap<RoleName, RoleView>,
}

/// A database server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PostgresView {
    /// `host` or `host:port`.
    pub hosts: Vec<String>,
    /// The databases that it covers; empty: all.
    #[serde(default)]
    pub databases: BTreeSet<String>,
    /// How credentials are made: `certificate`, `dynamic-role`.
    #[schema(value_type = String, example = "certificate")]
    pub issuer: PostgresIssuer,
    /// Its certificate authority, PEM.
    #[serde(default)]
    pub certificate_authority: Option<String>,
    /// The roles.
    #[schema(value_type = BTreeMap<String, RoleView>)]
    pub roles: BTreeMap<RoleName, RoleView>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AwsView {
    /// The 12-digit account id.
    pub account: String,
    /// The profiles that mean it.
    #[serde(default)]
    pub profiles: BTreeSet<String>,
    /// The region, where the user has chosen none.
    #[serde(default)]
    pub region: Option<String>,
    /// The roles.
    #[schema(value_type = BTreeMap<String, RoleView>)]
    pub roles: BTreeMap<RoleName, RoleView>,
}

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoleView {
    /// How sensitive it is: `routine`, `elevated`, `sensitive`.
    #[serde(default)]
    #[schema(value_type = String, example = "routine")]
    pub tier: Tier,
    /// What it is at the target, where that has another name: a database role, an ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<String>,
    /// The verbs that it covers, where its name does not say so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub verbs: BTreeSet<String>,
}

/// What is read elsewhere than in the catalogue itself.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The text of the resource's certificate authority, PEM.
    pub certificate_authority: Option<String>,
    /// The public key that vouches for the hosts of an ssh resource.
    pub host_authority: Option<String>,
}

impl ResourceView {
    /// What a client must know of a resource.
    pub fn of(resource: &Resource, beside: Beside) -> Self {
        match resource {
            Resource::Ssh(resource) => Self::Ssh(ssh(resource, beside)),
            Resource::Kubernetes(resource) => Self::Kubernetes(kubernetes(resource, beside)),
            Resource::Postgres(resource) => Self::Postgres(postgres(resource, beside)),
            Resource::Aws(resource) => Self::Aws(aws(resource)),
        }
    }
}

fn ssh(resource: &SshResource, beside: Beside) -> SshView {
    let roles = resource.roles.iter();
    SshView {
        hosts: resource.hosts.clone(),
        host_authority: beside.host_authority,
        roles: roles
            .map(|(name, role)| (name.clone(), RoleView::new(role.tier)))
            .collect(),
    }
}

fn kubernetes(resource: &KubernetesResource, beside: Beside) -> KubernetesView {
    let roles = resource.roles.iter().map(|(name, role)| {
        let view = RoleView {
            verbs: role.verbs.clone(),
            ..RoleView::new(role.tier)
        };
        (name.clone(), view)
    });
    KubernetesView {
        server: resource.server.clone(),
        certificate_authority: beside.certificate_authority,
        tls_server_name: resource.tls_server_name.clone(),
        contexts: resource.contexts.clone(),
        roles: roles.collect(),
    }
}

fn postgres(resource: &PostgresResource, beside: Beside) -> PostgresView {
    let roles = resource.roles.iter();
    PostgresView {
        hosts: resource.hosts.clone(),
        databases: resource.databases.clone(),
        issuer: resource.issuer,
        certificate_authority: beside.certificate_authority,
        roles: roles
            .map(|(name, role)| (name.clone(), RoleView::behind(role.tier, &role.role)))
            .collect(),
    }
}

fn aws(resource: &AwsResource) -> AwsView {
    let roles = resource.roles.iter();
    AwsView {
        account: resource.account.clone(),
        profiles: resource.profiles.clone(),
        region: resource.region.clone(),
        roles: roles
            .map(|(name, role)| (name.clone(), RoleView::behind(role.tier, &role.arn)))
            .collect(),
    }
}

impl RoleView {
    fn new(tier: Tier) -> Self {
        Self {
            tier,
            ..Self::default()
        }
    }

    fn behind(tier: Tier, behind: &str) -> Self {
        Self {
            behind: Some(behind.to_owned()),
            ..Self::new(tier)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Catalogue;

    #[test]
    fn what_only_the_authority_needs_stays_there() {
        let catalogue: Catalogue = toml::from_str(
            r#"
            [resources."kubernetes/prod"]
            server = "https://prod:6443"
            issuer = "token-request"
            credential = "file:secret.token"
            roles.view = { service_account = "jit/view", verbs = ["get"] }
            [resources."aws/prod"]
            account = "123456789012"
            issuer = "assume-role"
            base_profile = "secret-base"
            roles.read = { arn = "arn:aws:iam::123456789012:role/read" }
            "#,
        )
        .unwrap();
        let resources = catalogue.resources.0.iter();
        let view = CatalogueView {
            resources: resources
                .map(|(name, resource)| {
                    (name.clone(), ResourceView::of(resource, Beside::default()))
                })
                .collect(),
        };
        let text = serde_json::to_string(&view).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let read: CatalogueView = serde_json::from_str(&text).unwrap();
        assert_eq!(read, view);
    }
}
