//! Patterns of `Host` in the user's configuration that stand for hosts of ours, as `jit exec` sees them:
//! `Host web-*` with `HostName %h.web.internal`.

use crate::{
    domain::{catalogue::Catalogue, entitlement::ResourceName, host::fit},
    tools::ssh::{
        aliases::{Block, aliases, hostname},
        target::ours,
    },
};

/// A name or a pattern, and the resource that all of its hosts are of.
pub(super) type Taken = (String, ResourceName);

/// What a configuration has beside plain names.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    /// Names that stand for a host of ours by a pattern; ssh is still to be asked about them.
    pub(super) names: Vec<String>,
    /// Patterns all of whose hosts are ours.
    pub(super) whole: Vec<Taken>,
    /// What is not taken, one sentence each.
    pub(super) notes: Vec<String>,
}

/// Looks at the blocks of the user's configuration.
pub(super) fn find(blocks: &[Block], catalogue: &Catalogue) -> Patterns {
    let mut found = Patterns::default();
    for block in blocks {
        if block.renames_unseen() {
            found.notes.extend(unseen(block, catalogue));
        } else if let Some(template) = block.template() {
            for (resource, host) in hosts(catalogue) {
                found.add(block, template, (resource, host), (blocks, catalogue));
            }
        }
    }
    found
}

fn hosts(catalogue: &Catalogue) -> impl Iterator<Item = (&ResourceName, &str)> {
    ours(catalogue).flat_map(|(name, resource)| {
        let hosts = resource.hosts.iter();
        hosts.map(move |host| (name, host.as_str()))
    })
}

impl Patterns {
    fn add(
        &mut self,
        block: &Block,
        (before, behind): (&str, &str),
        (resource, host): (&ResourceName, &str),
        known: (&[Block], &Catalogue),
    ) {
        let middle = host
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(behind));
        match middle.filter(|middle| !middle.is_empty()) {
            Some("*") if is_whole(block, known) => {
                let patterns = block.patterns.iter();
                let taken = patterns.map(|pattern| (pattern.clone(), resource.clone()));
                self.whole.extend(taken);
            }
            Some(name) if !name.contains('*') => self.add_name(block, name),
            Some(_) => self.notes.push(format!(
                "Host {} of your configuration is left out, since not all of its names are hosts of {resource}: put jit exec before ssh for those that are",
                block.patterns.join(" ")
            )),
            None => {}
        }
    }
}

impl Patterns {
    fn add_name(&mut self, block: &Block, name: &str) {
        if block.is_for(name) && !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }
}

/// Whether every name of a block is one that it gives its name to: none is excluded, and none of those
/// that are written out leads elsewhere.
fn is_whole(block: &Block, (blocks, catalogue): (&[Block], &Catalogue)) -> bool {
    let excludes = block
        .patterns
        .iter()
        .any(|pattern| pattern.starts_with('!'));
    let leads_elsewhere = |alias: &&str| {
        let name = hostname(blocks, alias);
        let is_ours =
            name.is_some_and(|name| hosts(catalogue).any(|(_, host)| fit(host, &name).is_some()));
        block.is_for(alias) && !is_ours
    };
    !excludes && !aliases(blocks).iter().any(leads_elsewhere)
}

/// That a `Match` leads to a host of ours, of which nobody knows the names.
fn unseen(block: &Block, catalogue: &Catalogue) -> Option<String> {
    let name = block.name.as_deref()?;
    let (resource, _) =
        hosts(catalogue).find(|(_, host)| name.contains('%') || fit(host, name).is_some())?;
    Some(format!(
        "a Match of your configuration leads to {name}, which may be a host of {resource}: the names that only it stands for are left out, so put jit exec before ssh"
    ))
}
