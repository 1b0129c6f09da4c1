//! What a cluster's administrator must apply so that the API server accepts the authority's own
//! tokens: `AuthenticationConfiguration` (`apiserver.config.k8s.io`), and RBAC for the roles' groups.

use std::collections::BTreeSet;

use super::oidc::LONGEST;
use crate::{
    domain::{
        catalogue::{KubernetesResource, KubernetesRole},
        entitlement::{ResourceName, RoleName},
    },
    issuers::order::Issuer,
};

/// Two parts with three dashes between them: the first for the API server, the others for `kubectl`.
pub(super) fn yaml(
    name: &ResourceName,
    resource: &KubernetesResource,
    issuer: &Issuer<'_>,
) -> String {
    let roles: String = resource
        .roles
        .iter()
        .map(|(role, held)| binding_yaml(name, role, held))
        .collect();
    let head = head(name, resource, issuer);
    let configuration = configuration(name, resource, issuer);
    format!("{head}{configuration}{roles}")
}

/// The roles that every cluster has; what others may do, nobody but the administrator knows.
const KNOWN: [&str; 3] = ["view", "edit", "admin"];

fn head(name: &ResourceName, resource: &KubernetesResource, issuer: &Issuer<'_>) -> String {
    let url = issuer.url;
    let mut roles = resource.roles.keys();
    let second = if roles.any(|role| KNOWN.contains(&role.as_str())) {
        format!("\n#   jit trust {name} | sed '1,/^---$/d' | kubectl apply -f -")
    } else {
        " bind them as said below.".to_owned()
    };
    format!(
        "\
# {name}: makes the API server accept the tokens of this authority. It has two parts.
#
# 1. A file that the flag --authentication-config of each API server names:
#   jit trust {name} | sed '/^---$/,$d' > authentication.yaml
#    Where the flag names a file already, add the entry below \"jwt\" to it; the flags --oidc-* do not
#    go together with it. Before Kubernetes 1.34, from 1.30 on, its version is v1beta1. API servers
#    fetch the keys from {url}, and read the file again when it changes.
#
# 2. What the groups may do. As the cluster's administrator:{second}
"
    )
}

/// The API server's own file. It believes the authority in no more than it has to: this audience, a
/// short life, these groups. Names have no quotes in them (`config` sees to it).
fn configuration(
    name: &ResourceName,
    resource: &KubernetesResource,
    issuer: &Issuer<'_>,
) -> String {
    let groups = resource.roles.values().flat_map(|role| &role.groups);
    let groups: BTreeSet<String> = groups.map(|group| format!("'{group}'")).collect();
    let groups: Vec<String> = groups.into_iter().collect();
    format!(
        "\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: {url:?}
    audiences: [{audience:?}]
{authority}  claimValidationRules:
  - expression: \"claims.exp - claims.iat <= {longest}\"
    message: \"it lives longer than tokens of jit do\"
  claimMappings:
    username: {{claim: sub, prefix: \"jit:\"}}
    groups: {{claim: groups, prefix: \"\"}}
    uid: {{claim: sub}}
    extra:
    - {{key: jit.dev/grant, valueExpression: claims.jit.grant}}
    - {{key: jit.dev/entitlement, valueExpression: claims.jit.entitlement}}
    - {{key: jit.dev/chain, valueExpression: claims.jit.chain}}
  userValidationRules:
  - expression: \"user.groups.all(group, group in [{groups}])\"
    message: \"it names a group that is no role's\"
",
        url = issuer.url,
        audience = resource.audience(name),
        authority = authority_yaml(issuer),
        longest = LONGEST.as_secs(),
        groups = groups.join(", "),
    )
}

fn authority_yaml(issuer: &Issuer<'_>) -> String {
    let Some(pem) = issuer.certificate_authority else {
        return "    # certificateAuthority: the PEM text of the authority of its certificate, if it is no public one\n"
            .to_owned();
    };
    let lines = pem.lines().filter(|line| !line.is_empty());
    let lines: Vec<String> = lines.map(|line| format!("      {line}\n")).collect();
    format!("    certificateAuthority: |\n{}", lines.concat())
}

fn binding_yaml(name: &ResourceName, role: &RoleName, held: &KubernetesRole) -> String {
    let groups = held.groups.iter();
    let subject = |group| {
        format!("- {{kind: Group, apiGroup: rbac.authorization.k8s.io, name: {group:?}}}\n")
    };
    let subjects: String = groups.map(subject).collect();
    let binding = format!("jit:{}:{role}", name.name());
    match role.as_str() {
        "view" | "admin" => format!(
            "\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {binding:?}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}
subjects:
{subjects}"
        ),
        "edit" => format!(
            "\
---
# Repeat this for each namespace that {role} is for. A ClusterRoleBinding would reach kube-system too,
# where {role} may act as every service account.
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {binding:?}, namespace: default}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}
subjects:
{subjects}"
        ),
        _ => unbound(role, &binding, held),
    }
}

/// A role whose name says nothing of what it may.
fn unbound(role: &RoleName, binding: &str, held: &KubernetesRole) -> String {
    let groups = held.groups.iter();
    let groups: Vec<String> = groups.map(|group| format!(" --group={group}")).collect();
    let groups = groups.concat();
    format!(
        "\
---
# Bind it to what {role} may do, for example:
#   kubectl create clusterrolebinding {binding} --clusterrole=NAME{groups}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuers::sample;

    fn printed(roles: &str, authority: Option<&str>) -> String {
        let text = format!("server = \"https://203.0.113.5:6443\"\nissuer = \"oidc\"\n{roles}");
        let issuer = Issuer {
            certificate_authority: authority,
            ..sample::site().issuer.unwrap()
        };
        let resource = toml::from_str(&text).unwrap();
        yaml(&"kubernetes/prod".parse().unwrap(), &resource, &issuer)
    }

    const ROLES: &str = "roles.view.groups = [\"jit:view\"]
        roles.edit.groups = [\"jit:edit\", \"developers\"]
        roles.deploy.groups = [\"jit:deploy\"]";

    #[test]
    fn a_configuration_of_the_api_server_and_a_binding_for_each_role() {
        insta::assert_snapshot!(printed(ROLES, None), @r#"
        # kubernetes/prod: makes the API server accept the tokens of this authority. It has two parts.
        #
        # 1. A file that the flag --authentication-config of each API server names:
        #   jit trust kubernetes/prod | sed '/^---$/,$d' > authentication.yaml
        #    Where the flag names a file already, add the entry below "jwt" to it; the flags --oidc-* do not
        #    go together with it. Before Kubernetes 1.34, from 1.30 on, its version is v1beta1. API servers
        #    fetch the keys from https://jit.example.com, and read the file again when it changes.
        #
        # 2. What the groups may do. As the cluster's administrator:
        #   jit trust kubernetes/prod | sed '1,/^---$/d' | kubectl apply -f -
        apiVersion: apiserver.config.k8s.io/v1
        kind: AuthenticationConfiguration
        jwt:
        - issuer:
            url: "https://jit.example.com"
            audiences: ["kubernetes/prod"]
            # certificateAuthority: the PEM text of the authority of its certificate, if it is no public one
          claimValidationRules:
          - expression: "claims.exp - claims.iat <= 3600"
            message: "it lives longer than tokens of jit do"
          claimMappings:
            username: {claim: sub, prefix: "jit:"}
            groups: {claim: groups, prefix: ""}
            uid: {claim: sub}
            extra:
            - {key: jit.dev/grant, valueExpression: claims.jit.grant}
            - {key: jit.dev/entitlement, valueExpression: claims.jit.entitlement}
            - {key: jit.dev/chain, valueExpression: claims.jit.chain}
          userValidationRules:
          - expression: "user.groups.all(group, group in ['developers', 'jit:deploy', 'jit:edit', 'jit:view'])"
            message: "it names a group that is no role's"
        ---
        # Bind it to what deploy may do, for example:
        #   kubectl create clusterrolebinding jit:prod:deploy --clusterrole=NAME --group=jit:deploy
        ---
        # Repeat this for each namespace that edit is for. A ClusterRoleBinding would reach kube-system too,
        # where edit may act as every service account.
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {name: "jit:prod:edit", namespace: default}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
        subjects:
        - {kind: Group, apiGroup: rbac.authorization.k8s.io, name: "developers"}
        - {kind: Group, apiGroup: rbac.authorization.k8s.io, name: "jit:edit"}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: "jit:prod:view"}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
        subjects:
        - {kind: Group, apiGroup: rbac.authorization.k8s.io, name: "jit:view"}
        "#);
    }

    #[test]
    fn every_document_is_yaml_and_a_private_authority_is_in_the_first() {
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let text = printed(ROLES, Some(pem));
        let documents: Vec<serde_json::Value> = text
            .split("\n---\n")
            .filter(|text| text.lines().any(|line| !line.starts_with('#')))
            .map(|text| serde_saphyr::from_str(text).unwrap())
            .collect();
        assert_eq!(documents.len(), 3);
        let issuer = &documents[0]["jwt"][0]["issuer"];
        assert_eq!(issuer["certificateAuthority"], pem);
        assert_eq!(documents[1]["kind"], "RoleBinding");
    }
}
