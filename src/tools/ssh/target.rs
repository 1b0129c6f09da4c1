//! Which resource and which role of the catalogue a login means.

use super::resolve::Resolved;
use crate::domain::{
    catalogue::{Catalogue, Resource, SshResource},
    entitlement::{Entitlement, Kind, ResourceName, RoleName},
    failure::{Failure, Result, did_you_mean, listed},
    host::fit,
    lookup::{Key, Named},
};

/// A resource of ours with its name.
pub type Found<'a> = (&'a ResourceName, &'a SshResource);

/// The resource of that name, which must be one of ours.
pub fn named<'a>(catalogue: &'a Catalogue, name: &'a ResourceName) -> Result<Found<'a>> {
    match catalogue.resource(name)? {
        Resource::Ssh(resource) => Ok((name, resource)),
        Resource::Kubernetes(_) | Resource::Postgres(_) | Resource::Aws(_) => {
            Err(Failure::usage(format!("{name} is not reached by ssh"))
                .hint("name one that is: --on ssh/NAME"))
        }
    }
}

/// The resource whose pattern fits the resolved name or the alias best; `None` where none fits.
///
/// # Errors
/// Usage, where two fit equally well.
pub fn at<'a>(catalogue: &'a Catalogue, resolved: &Resolved) -> Result<Option<Found<'a>>> {
    let names = [resolved.hostname.as_str(), resolved.alias.as_str()];
    let mut best: Vec<Found<'a>> = Vec::new();
    let mut score = 0;
    let fits = |key: &Key<'_>| matches!(key, Key::Host(host) if names.iter().any(|name| is_at(host, name)));
    let there = catalogue.found(Kind::Ssh, fits);
    for found in there.into_iter().filter_map(of_ssh) {
        let fits = found.1.hosts.iter().flat_map(|pattern| {
            let fit = |name: &&str| fit(pattern, name);
            names.iter().filter_map(fit)
        });
        let Some(own) = fits.max() else { continue };
        if own > score {
            best.clear();
            score = own;
        }
        if own == score {
            best.push(found);
        }
    }
    match best.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => {
            let names: Vec<String> = several.iter().map(|(name, _)| name.to_string()).collect();
            let host = &resolved.hostname;
            Err(
                Failure::usage(format!("{host} is in {}", names.join(" and ")))
                    .hint("name the one that you mean: jit exec --on ssh/NAME -- …"),
            )
        }
    }
}

/// The resources that are reached by ssh.
pub fn ours(catalogue: &Catalogue) -> impl Iterator<Item = Found<'_>> {
    catalogue.of_kind(Kind::Ssh).filter_map(of_ssh)
}

/// The resource, where it is reached by ssh.
pub fn of_ssh((name, resource): Named<'_>) -> Option<Found<'_>> {
    match resource {
        Resource::Ssh(resource) => Some((name, resource)),
        Resource::Kubernetes(_) | Resource::Postgres(_) | Resource::Aws(_) => None,
    }
}

/// Whether a host fits a pattern.
pub fn is_at(pattern: &str, host: &str) -> bool {
    if pattern.contains('*') {
        return fit(pattern, host).is_some();
    }
    pattern.eq_ignore_ascii_case(host.strip_suffix('.').unwrap_or(host))
}

/// The error for a host that no resource has.
pub fn unknown(catalogue: &Catalogue, resolved: &Resolved) -> Failure {
    let known: Vec<&str> = ours(catalogue)
        .flat_map(|(_, resource)| resource.hosts.iter().map(String::as_str))
        .collect();
    let near = did_you_mean(&resolved.hostname, known.iter().copied());
    let Resolved {
        alias, hostname, ..
    } = resolved;
    let shown = if alias == hostname {
        alias.clone()
    } else {
        format!("{alias} ({hostname})")
    };
    let hint = if known.is_empty() {
        "the catalogue has no ssh host: \"jit init\" proposes those of your configuration"
            .to_owned()
    } else {
        let listed = listed(&resolved.hostname, known.iter().copied());
        format!("{near}the catalogue has {listed}; or name the resource: --on ssh/NAME")
    };
    Failure::usage(format!("no resource has the host {shown}"))
        .hint(hint)
        .stranger()
}

/// The role that is the login name.
pub fn role<'a>((name, resource): Found<'a>, user: &str) -> Result<&'a RoleName> {
    let found = resource.roles.keys().find(|role| role.as_str() == user);
    found.ok_or_else(|| {
        let roles: Vec<&str> = resource.roles.keys().map(RoleName::as_str).collect();
        let near = did_you_mean(user, roles.iter().copied());
        Failure::usage(format!("{name} has no role {user:?}, the login name")).hint(format!(
            "{near}its roles are {}; choose one with --role or user@host{}",
            roles.join(", "),
            unfit(user)
        ))
    })
}

/// That a login name cannot be a role, where it cannot.
fn unfit(user: &str) -> String {
    let parsed = user.parse::<RoleName>();
    let failure = parsed.err();
    failure.map_or_else(String::new, |failure| {
        format!(" ({user:?} cannot name a role: {})", failure.hint)
    })
}

/// The role of a command that says nothing about its login: the only one, or that of the lowest tier.
pub fn smallest((name, resource): Found<'_>) -> Result<&RoleName> {
    let lowest = resource.roles.values().map(|role| role.tier).min();
    let mut least = resource
        .roles
        .iter()
        .filter(|(_, r)| Some(r.tier) == lowest);
    if let (Some((role, _)), None) = (least.next(), least.next()) {
        return Ok(role);
    }
    let roles: Vec<&str> = resource.roles.keys().map(RoleName::as_str).collect();
    Err(Failure::usage(format!("no role of {name} is the smallest"))
        .hint(format!("name one with --role: {}", roles.join(", "))))
}

/// Resource and role together.
pub fn entitlement(found: Found<'_>, role: &RoleName) -> Entitlement {
    Entitlement {
        resource: found.0.clone(),
        role: role.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        toml::from_str(
            r#"
            [resources."ssh/web"]
            hosts = ["web-1.example.com", "*.web.internal", "10.0.0.*"]
            roles.deploy = {}
            roles.root = { tier = "sensitive" }
            [resources."ssh/eu"]
            hosts = ["*.eu.web.internal", "same"]
            roles.a = {}
            roles.b = {}
            [resources."ssh/other"]
            hosts = ["Same"]
            roles.a = {}
            "#,
        )
        .unwrap()
    }

    fn resolved(alias: &str, hostname: &str) -> Resolved {
        Resolved {
            alias: alias.into(),
            hostname: hostname.into(),
            user: "deploy".into(),
            jumps: vec![],
            is_hooked: false,
            has_own_agent: false,
        }
    }

    #[test]
    fn the_most_specific_pattern_wins() {
        let catalogue = catalogue();
        for (alias, hostname, resource) in [
            ("w", "WEB-1.example.com.", "ssh/web"),
            ("w", "a.web.internal", "ssh/web"),
            ("w", "a.eu.web.internal", "ssh/eu"),
            ("w", "10.0.0.7", "ssh/web"),
            ("web-1.example.com", "192.0.2.1", "ssh/web"),
            ("w", "web.internal", "-"),
            ("w", "evil.example", "-"),
            ("w", "web-1.example.com.evil", "-"),
        ] {
            let found = at(&catalogue, &resolved(alias, hostname)).unwrap();
            let name = found.map_or_else(|| "-".to_owned(), |(name, _)| name.to_string());
            assert_eq!(name, resource, "{alias} {hostname}");
        }
        let failure = at(&catalogue, &resolved("same", "same")).unwrap_err();
        assert!(failure.hint.contains("--on"), "{failure:?}");
    }

    #[test]
    fn a_login_that_is_no_role_lists_the_roles() {
        let catalogue = catalogue();
        let name = "ssh/web".parse().unwrap();
        let found = named(&catalogue, &name).unwrap();
        let failure = role(found, "deplo").unwrap_err();
        assert!(
            failure.hint.starts_with("did you mean \"deploy\"?"),
            "{failure:?}"
        );
        let failure = role(found, r"DOMAIN\user").unwrap_err();
        assert!(
            failure.hint.contains("letters, digits and . _ - @ +"),
            "{failure:?}"
        );
        assert_eq!(smallest(found).unwrap().as_str(), "deploy");
        let name = "ssh/eu".parse().unwrap();
        assert!(smallest(named(&catalogue, &name).unwrap()).is_err());
    }
}
