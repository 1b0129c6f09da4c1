//! Hosts from `~/.ssh/config`, with what it includes: each alias that has a `HostName` of its own.

use std::collections::BTreeSet;

use super::found::{Found, list, quote, role, tier_of};
use crate::{
    domain::{
        entitlement::{Kind, RoleName},
        environment::{Environment, Places},
        failure::Result,
    },
    tools::ssh::aliases::{self, Block, aliases, hostname},
};

pub(super) fn find(environment: &Environment, places: &Places, user: &str) -> Result<Vec<Found>> {
    let blocks = aliases::read(environment, places)?;
    let aliases = aliases(&blocks).into_iter();
    Ok(aliases
        .filter_map(|alias| found(alias, &blocks, user))
        .collect())
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
fn found(alias: &str, blocks: &[Block], user: &str) -> Option<Found> {
    let mut matching = blocks.iter().filter(|block| block.is_for(alias));
    let login = matching
        .find_map(|block| block.user.as_deref())
        .unwrap_or(user);
    let login: RoleName = login.parse().ok()?;
    let host = match hostname(blocks, alias) {
        Some(name) => name,
        None if alias.contains('.') => alias.to_owned(),
        None => return None,
    };
    Some(Found {
        resource: Found::name(Kind::Ssh, alias)?,
        origin: format!("the host {} of ~/.ssh/config", quote(alias)),
        needs: None,
        replaces: None,
        keys: vec![("hosts", list([host.as_str()]))],
        roles: vec![(login.clone(), role(&[], tier_of(login.as_str())))],
        certificate: None,
    })
}
