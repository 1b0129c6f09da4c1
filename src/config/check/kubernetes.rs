//! `kubernetes/NAME`: an API server, contexts, an issuer with what it needs, service accounts or groups.

use std::collections::BTreeMap;

use super::fault::{Checked, Claims, Fault};
use crate::{
    config::names,
    domain::{
        catalogue::{KubernetesIssuer, KubernetesResource, KubernetesRole},
        entitlement::{ResourceName, RoleName},
    },
};

pub(super) fn check<'a>(
    name: &'a ResourceName,
    resource: &KubernetesResource,
    claims: &mut Claims<'a>,
) -> Checked {
    if !(resource.server.starts_with("https://") && names::is_server(&resource.server)) {
        let hint = "write it as https://HOST:PORT";
        return Err(Fault::not(
            &["server"],
            &resource.server,
            "an API server's address",
            hint,
        ));
    }
    if let Some(name) = &resource.tls_server_name
        && !names::is_certificate_name(name)
    {
        let hint = "write the host name that the server's certificate has, without a port";
        return Err(Fault::not(
            &["tls_server_name"],
            name,
            "a server's name",
            hint,
        ));
    }
    for context in &resource.contexts {
        if !names::is_line(context) {
            return Err(Fault::not(
                &["contexts"],
                context,
                "a context",
                "write it as in your kubeconfig",
            ));
        }
        claims.claim("contexts", context, name)?;
    }
    match resource.issuer {
        KubernetesIssuer::TokenRequest => token_request(resource),
        KubernetesIssuer::Oidc => oidc(name, resource, claims),
    }?;
    for (role, written) in &resource.roles {
        let plain = |verb: &String| verb == "*" || names::is_label(verb);
        if let Some(verb) = written.verbs.iter().find(|verb| !plain(verb)) {
            let hint = "write kubectl's verbs: get, logs, delete";
            return Err(Fault::not(
                &["roles", role.as_str(), "verbs"],
                verb,
                "a verb",
                hint,
            ));
        }
    }
    Ok(())
}

/// Service accounts, and a credential that makes tokens of them.
fn token_request(resource: &KubernetesResource) -> Checked {
    if resource.credential.is_none() {
        return Err(Fault::new(
            ["issuer"],
            "the issuer token-request has no credential",
            "add credential = \"file:PATH\", a file with a token that may create tokens",
        ));
    }
    if !names::is_label(resource.namespace()) {
        let hint = "use lower-case letters, digits and -, 63 at most";
        let namespace = resource.namespace();
        return Err(Fault::not(&["namespace"], namespace, "a namespace", hint));
    }
    if resource.audience.is_some() {
        return Err(unneeded("audience", "token-request"));
    }
    resource.roles.iter().try_for_each(|(role, written)| {
        let path = |key| ["roles", role.as_str(), key];
        if !written.groups.is_empty() {
            return Err(Fault::new(
                path("groups"),
                "the issuer token-request gives nobody groups",
                "name a service_account, or choose issuer = \"oidc\"",
            ));
        }
        let Some(account) = &written.service_account else {
            return Err(Fault::new(
                ["roles", role.as_str()],
                format!("the role {:?} has no service account", role.as_str()),
                "add service_account = \"namespace/name\", for example jit/view",
            ));
        };
        if names::is_service_account(account) {
            return Ok(());
        }
        let hint = "write it as namespace/name, for example jit/view";
        Err(Fault::not(
            &path("service_account"),
            account,
            "a service account",
            hint,
        ))
    })
}

/// Groups, and an audience that no other target has.
fn oidc<'a>(
    name: &'a ResourceName,
    resource: &KubernetesResource,
    claims: &mut Claims<'a>,
) -> Checked {
    let unused = [
        ("credential", resource.credential.is_some()),
        ("namespace", resource.namespace.is_some()),
    ];
    if let Some((key, _)) = unused.into_iter().find(|(_, is_there)| *is_there) {
        return Err(unneeded(key, "oidc"));
    }
    let audience = resource.audience(name);
    // AWS would take a token that is meant for a cluster, and the person holds that one.
    if !names::is_plain_line(&audience) || audience.contains("amazonaws") {
        let hint = "use letters, digits and . _ - / : @ +; leave it out to use the resource's name";
        return Err(Fault::not(
            &["audience"],
            &audience,
            "an audience of a cluster",
            hint,
        ));
    }
    claims.claim("audience", &audience, name).map_err(|_| {
        Fault::new(
            ["audience"],
            format!("the audience {audience:?} is another cluster's already"),
            "a token for one would open the other: give each its own",
        )
    })?;
    let mut held = BTreeMap::new();
    resource
        .roles
        .iter()
        .try_for_each(|(role, written)| groups(role, written, &mut held))
}

fn unneeded(key: &str, issuer: &str) -> Fault {
    let message = format!("the issuer {issuer} needs no {key}");
    Fault::new([key], message, "remove it, or choose another issuer")
}

/// A role's groups: each names this role and no other, since RBAC binds them.
fn groups<'a>(
    role: &'a RoleName,
    written: &'a KubernetesRole,
    held: &mut BTreeMap<&'a str, &'a RoleName>,
) -> Checked {
    let path = |key| ["roles", role.as_str(), key];
    if written.service_account.is_some() {
        return Err(Fault::new(
            path("service_account"),
            "the issuer oidc makes no tokens of service accounts",
            "name groups = [\"…\"], or choose issuer = \"token-request\"",
        ));
    }
    if written.groups.is_empty() {
        let shown = role.as_str();
        return Err(Fault::new(
            ["roles", shown],
            format!("the role {shown:?} has no groups"),
            format!("add groups = [\"jit:{shown}\"], and bind them in the cluster"),
        ));
    }
    written.groups.iter().try_for_each(|group| {
        if !names::is_plain_line(group) || group.starts_with("system:") {
            let hint = "use letters, digits and . _ - / : @ +; system: is the cluster's own";
            return Err(Fault::not(&path("groups"), group, "a group", hint));
        }
        match held.insert(group, role) {
            Some(other) => Err(Fault::new(
                path("groups"),
                format!("the group {group:?} is role {:?} already", other.as_str()),
                "a group names one role: give each its own",
            )),
            None => Ok(()),
        }
    })
}
