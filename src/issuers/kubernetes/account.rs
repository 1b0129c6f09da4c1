//! The service account that a role is.

use crate::domain::{
    catalogue::{KubernetesResource, KubernetesRole},
    failure::{Failure, Result},
};

/// A service account. Both names are DNS labels or subdomains, so they can stand in a URL's path and
/// in YAML as they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServiceAccount {
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name there.
    pub(super) name: String,
}

impl ServiceAccount {
    /// Reads `namespace/name`, or a name in the resource's own namespace.
    pub(super) fn of(resource: &KubernetesResource, role: &KubernetesRole) -> Result<Self> {
        let text = role.service_account.as_deref().unwrap_or_default();
        let own = resource.namespace();
        let (namespace, name) = text.split_once('/').unwrap_or((own, text));
        if is_name(name) {
            return Ok(Self {
                namespace: checked_namespace(namespace)?.to_owned(),
                name: name.to_owned(),
            });
        }
        Err(
            Failure::failed(format!("{text:?} is not a service account"))
                .hint("write service_account = \"namespace/name\" in authority.toml"),
        )
    }
}

/// Refuses what cannot be a namespace.
pub(super) fn checked_namespace(name: &str) -> Result<&str> {
    if is_name(name) && name.len() <= 63 && !name.contains('.') {
        return Ok(name);
    }
    Err(Failure::failed(format!("{name:?} is not a namespace"))
        .hint("a namespace is 1 to 63 lower-case letters, digits and hyphens"))
}

/// A DNS subdomain (RFC 1123), as Kubernetes wants its names.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.split('.').all(|label| {
            label.starts_with(plain)
                && label.ends_with(plain)
                && label.chars().all(|c| plain(c) || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entitlement::Tier;

    fn read(text: &str) -> Result<ServiceAccount> {
        let resource: KubernetesResource = toml::from_str(
            "server = \"https://x\"\nissuer = \"token-request\"\ncredential = \"env:X\"\n[roles]\n",
        )
        .unwrap();
        let role = KubernetesRole {
            service_account: Some(text.to_owned()),
            groups: [].into(),
            verbs: [].into(),
            tier: Tier::Routine,
        };
        ServiceAccount::of(&resource, &role)
    }

    #[test]
    fn a_name_alone_is_in_the_resources_namespace() {
        let account = read("view").unwrap();
        assert_eq!((&*account.namespace, &*account.name), ("jit", "view"));
        let account = read("ops/view.only").unwrap();
        assert_eq!((&*account.namespace, &*account.name), ("ops", "view.only"));
    }

    #[test]
    fn what_would_be_another_path_or_more_yaml_is_refused() {
        for text in [
            "",
            "/",
            "jit/",
            "/view",
            "a/b/c",
            "../../x",
            "jit/..",
            "jit/a?b",
            "jit/a%2fb",
            "jit/A",
            "jit/a\nb",
            "a.b/view",
            "jit/-a",
            "jit/a: b",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
