//! Hosts from `~/.ssh/config`, with what it includes: each alias that has a `HostName` of its own.

use std::collections::BTreeSet;

use super::{
    forges::{TRUST, is_forge},
    found::{Found, list, quote, role, tier_of},
};
use crate::{
    domain::{
        entitlement::{Kind, RoleName},
        environment::{Environment, Places},
        failure::Result,
    },
    tools::ssh::aliases::{self, Block, aliases, hostname},
};

/// A host by one of its names, as OpenSSH would log in to it.
struct Host<'a> {
    alias: &'a str,
    name: String,
    login: RoleName,
    /// The key that the configuration names for it.
    key: Option<&'a str>,
}

pub(super) fn find(environment: &Environment, places: &Places, user: &str) -> Result<Vec<Found>> {
    let blocks = aliases::read(environment, places)?;
    let aliases = aliases(&blocks).into_iter();
    let mut hosts: Vec<Vec<Host<'_>>> = Vec::new();
    for host in aliases.filter_map(|alias| host(alias, &blocks, user)) {
        let same = hosts
            .iter_mut()
            .find(|known| known.iter().any(|known| known.name == host.name));
        match same {
            Some(known) => known.push(host),
            None => hosts.push(vec![host]),
        }
    }
    Ok(hosts.iter().filter_map(|names| found(names)).collect())
}

/// A sentence for each pattern of the user's configuration that may stand for hosts of ours: nobody can tell
/// which hosts there are.
pub(super) fn patterns(environment: &Environment, places: &Places) -> Result<Vec<String>> {
    let blocks = aliases::read(environment, places)?;
    let patterns = blocks.iter().flat_map(|block| &block.patterns);
    let told: BTreeSet<&String> = patterns
        .filter(|pattern| pattern.contains(['*', '?']) && !pattern.starts_with('!'))
        .filter(|pattern| *pattern != "*")
        .collect();
    let told = told.into_iter().map(|pattern| {
        format!(
            "the hosts {} of ~/.ssh/config are a pattern: name them in authority.toml, which takes patterns too",
            quote(pattern)
        )
    });
    Ok(told.collect())
}

/// What OpenSSH would do for an alias: of each setting the first value of all matching blocks counts.
fn host<'a>(alias: &'a str, blocks: &'a [Block], user: &str) -> Option<Host<'a>> {
    let matching = || blocks.iter().filter(|block| block.is_for(alias));
    let login = matching().find_map(|block| block.user.as_deref());
    let name = match hostname(blocks, alias) {
        Some(name) => name,
        None if alias.contains('.') => alias.to_owned(),
        None => return None,
    };
    if is_forge(&name) || is_forge(alias) {
        return None;
    }
    Some(Host {
        alias,
        name,
        login: login.unwrap_or(user).parse().ok()?,
        key: matching().find_map(|block| block.key.as_deref()),
    })
}

/// One host under all its names. Nothing here says that it trusts this authority, so that it is left
/// commented out.
fn found(names: &[Host<'_>]) -> Option<Found> {
    let first = names.first()?;
    let aliases: Vec<&str> = names.iter().map(|host| host.alias).collect();
    let origin = match aliases.as_slice() {
        [alias] => format!("the host {} of ~/.ssh/config", quote(alias)),
        several => format!(
            "the hosts {} of ~/.ssh/config, which are one",
            list(several.iter().copied())
        ),
    };
    let has_keys = names.iter().any(|host| host.key != first.key);
    let needs = if has_keys {
        format!(
            "{TRUST}: its names log in with different keys, as different accounts do at a git server"
        )
    } else {
        TRUST.to_owned()
    };
    let mut roles: Vec<(RoleName, String)> = Vec::new();
    for host in names {
        if !roles.iter().any(|(known, _)| *known == host.login) {
            let tier = tier_of(host.login.as_str());
            roles.push((host.login.clone(), role(&[], tier)));
        }
    }
    Some(Found {
        resource: Found::name(Kind::Ssh, first.alias)?,
        origin,
        needs: Some(needs),
        replaces: None,
        keys: vec![("hosts", list([first.name.as_str()]))],
        roles,
        certificate: None,
    })
}
