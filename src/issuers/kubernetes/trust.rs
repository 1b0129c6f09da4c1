//! What a cluster's administrator must apply so that the authority can make tokens of service accounts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::account::{ServiceAccount, checked_namespace};
use crate::domain::{catalogue::KubernetesResource, entitlement::ResourceName, failure::Result};

/// The service accounts by namespace.
type Accounts = BTreeMap<String, BTreeSet<String>>;

/// YAML that `kubectl apply -f -` takes as it is. Names are quoted, or one such as `on` or `1e3` would
/// be none.
pub(super) fn yaml(name: &ResourceName, resource: &KubernetesResource) -> Result<String> {
    let home = checked_namespace(resource.namespace())?;
    let mut accounts = Accounts::from([(home.to_owned(), BTreeSet::new())]);
    let mut roles = String::new();
    let mut seen = BTreeSet::new();
    for (role, held) in &resource.roles {
        let account = ServiceAccount::of(resource, held)?;
        let names = accounts.entry(account.namespace.clone()).or_default();
        names.insert(account.name.clone());
        if seen.insert(account.clone()) {
            roles.push_str(&role_yaml(role.as_str(), &account));
        }
    }
    let mut text = head(name, home);
    for namespace in accounts.keys() {
        text.push_str(&namespace_yaml(namespace));
    }
    text.push_str(&account_yaml("jit", home));
    for (namespace, names) in &accounts {
        text.push_str(&manager_yaml(home, namespace, names));
    }
    Ok(text + &roles)
}

fn head(name: &ResourceName, home: &str) -> String {
    let file = format!("{}.token", name.name());
    format!(
        "\
# {name}: lets this authority make tokens. As the cluster's administrator:
#   jit trust {name} | kubectl apply -f -
#
# Then give the authority its own token, in a file that only it can read, and name the file in
# authority.toml as credential = \"file:{file}\":
#   (umask 077; kubectl -n {home} create token jit --duration=8760h > {file})
# The API server may shorten that. For a token without an end, apply this as well and take the token
# from the Secret's data:
#   {{apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token,
#    metadata: {{name: jit-token, namespace: {home}, annotations: {{kubernetes.io/service-account.name: jit}}}}}}
#
# Keep these namespaces for this and nothing else: whoever may make pods, Secrets or tokens in one can
# be any service account in it.
"
    )
}

fn account_yaml(name: &str, namespace: &str) -> String {
    format!(
        "\
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name:?}, namespace: {namespace:?}}}
"
    )
}

fn namespace_yaml(namespace: &str) -> String {
    format!(
        "\
---
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace:?}}}
"
    )
}

/// What the base credential may do in a namespace: no reading, so that it sees no Secret's content.
fn manager_yaml(home: &str, namespace: &str, names: &BTreeSet<String>) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let tokens = if names.is_empty() {
        String::new()
    } else {
        format!(
            "- {{apiGroups: [\"\"], resources: [serviceaccounts/token], resourceNames: [{}], verbs: [create]}}\n",
            names.join(", ")
        )
    };
    format!(
        "\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: jit, namespace: {namespace:?}}}
rules:
- {{apiGroups: [\"\"], resources: [secrets], verbs: [create, delete]}}
{tokens}---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: jit, namespace: {namespace:?}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: jit}}
subjects:
- {{kind: ServiceAccount, name: jit, namespace: {home:?}}}
"
    )
}

fn role_yaml(role: &str, account: &ServiceAccount) -> String {
    let ServiceAccount { namespace, name } = account;
    let mut text = account_yaml(name, namespace);
    let subjects = format!(
        "subjects:\n- {{kind: ServiceAccount, name: {name:?}, namespace: {namespace:?}}}\n"
    );
    let bound = match role {
        "view" | "admin" => format!(
            "\
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: \"jit:{namespace}:{name}\"}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}
{subjects}"
        ),
        "edit" => format!(
            "\
---
# Repeat this for each namespace that {role} is for. A ClusterRoleBinding would reach namespace
# {namespace} too, where {role} may act as every service account, that of admin among them.
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: \"jit:{namespace}:{name}\", namespace: default}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role}}}
{subjects}"
        ),
        _ => String::new(),
    };
    if bound.is_empty() {
        let _ = writeln!(
            text,
            "# Bind it to what {role} may do, for example:\n\
             #   kubectl create clusterrolebinding jit:{namespace}:{name} --clusterrole=NAME --serviceaccount={namespace}:{name}"
        );
    }
    text + &bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(roles: &str) -> KubernetesResource {
        let text = format!(
            "server = \"https://203.0.113.5:6443\"
            issuer = \"token-request\"
            credential = \"file:prod.token\"
            {roles}"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the text is shown whole")]
    fn accounts_bindings_and_the_right_to_make_tokens_of_them() {
        let resource = resource(
            "roles.view.service_account = \"jit/view\"
            roles.edit.service_account = \"jit/edit\"
            roles.deploy.service_account = \"apps/deploy\"",
        );
        let text = yaml(&"kubernetes/prod".parse().unwrap(), &resource).unwrap();
        insta::assert_snapshot!(text, @r#"
            # kubernetes/prod: lets this authority make tokens. As the cluster's administrator:
            #   jit trust kubernetes/prod | kubectl apply -f -
            #
            # Then give the authority its own token, in a file that only it can read, and name the file in
            # authority.toml as credential = "file:prod.token":
            #   (umask 077; kubectl -n jit create token jit --duration=8760h > prod.token)
            # The API server may shorten that. For a token without an end, apply this as well and take the token
            # from the Secret's data:
            #   {apiVersion: v1, kind: Secret, type: kubernetes.io/service-account-token,
            #    metadata: {name: jit-token, namespace: jit, annotations: {kubernetes.io/service-account.name: jit}}}
            #
            # Keep these namespaces for this and nothing else: whoever may make pods, Secrets or tokens in one can
            # be any service account in it.
            ---
            apiVersion: v1
            kind: Namespace
            metadata: {name: "apps"}
            ---
            apiVersion: v1
            kind: Namespace
            metadata: {name: "jit"}
            ---
            apiVersion: v1
            kind: ServiceAccount
            metadata: {name: "jit", namespace: "jit"}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: {name: jit, namespace: "apps"}
            rules:
            - {apiGroups: [""], resources: [secrets], verbs: [create, delete]}
            - {apiGroups: [""], resources: [serviceaccounts/token], resourceNames: ["deploy"], verbs: [create]}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: {name: jit, namespace: "apps"}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: jit}
            subjects:
            - {kind: ServiceAccount, name: jit, namespace: "jit"}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata: {name: jit, namespace: "jit"}
            rules:
            - {apiGroups: [""], resources: [secrets], verbs: [create, delete]}
            - {apiGroups: [""], resources: [serviceaccounts/token], resourceNames: ["edit", "view"], verbs: [create]}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: {name: jit, namespace: "jit"}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: jit}
            subjects:
            - {kind: ServiceAccount, name: jit, namespace: "jit"}
            ---
            apiVersion: v1
            kind: ServiceAccount
            metadata: {name: "deploy", namespace: "apps"}
            # Bind it to what deploy may do, for example:
            #   kubectl create clusterrolebinding jit:apps:deploy --clusterrole=NAME --serviceaccount=apps:deploy
            ---
            apiVersion: v1
            kind: ServiceAccount
            metadata: {name: "edit", namespace: "jit"}
            ---
            # Repeat this for each namespace that edit is for. A ClusterRoleBinding would reach namespace
            # jit too, where edit may act as every service account, that of admin among them.
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata: {name: "jit:jit:edit", namespace: default}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
            subjects:
            - {kind: ServiceAccount, name: "edit", namespace: "jit"}
            ---
            apiVersion: v1
            kind: ServiceAccount
            metadata: {name: "view", namespace: "jit"}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: "jit:jit:view"}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
            subjects:
            - {kind: ServiceAccount, name: "view", namespace: "jit"}
            "#);
    }

    #[test]
    fn every_document_is_yaml() {
        let resource = resource("roles.admin.service_account = \"no/1e3\"");
        let text = yaml(&"kubernetes/prod".parse().unwrap(), &resource).unwrap();
        for document in text.split("---\n") {
            let read: Result<serde_json::Value, _> = serde_saphyr::from_str(document);
            assert!(read.is_ok(), "{document}: {read:?}");
        }
    }
}
