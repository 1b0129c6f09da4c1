//! `kubernetes/NAME`: an API server, contexts, service accounts.

use super::fault::{Checked, Claims, Fault};
use crate::{
    config::names,
    domain::{catalogue::KubernetesResource, entitlement::ResourceName},
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
    if !names::is_label(&resource.namespace) {
        let hint = "use lower-case letters, digits and -, 63 at most";
        return Err(Fault::not(
            &["namespace"],
            &resource.namespace,
            "a namespace",
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
    for (role, written) in &resource.roles {
        let account = &written.service_account;
        if !names::is_service_account(account) {
            let path = ["roles", role.as_str(), "service_account"];
            let hint = "write it as namespace/name, for example jit/view";
            return Err(Fault::not(&path, account, "a service account", hint));
        }
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
