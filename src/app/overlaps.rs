//! What `jit policy check` says of patterns of hosts that overlap: whose a host is that fits both.

use std::cmp::Ordering;

use crate::{
    domain::{
        catalogue::Catalogue,
        entitlement::ResourceName,
        host::{overlap, weight},
    },
    tools::ssh::target::ours,
};

/// More notes than this say no more than that there are many.
const MOST: usize = 20;

/// A note for each two patterns of different resources that a host can fit both of.
pub(super) fn notes(catalogue: &Catalogue) -> Vec<String> {
    let hosts: Vec<(&ResourceName, &String)> = ours(catalogue)
        .flat_map(|(name, resource)| resource.hosts.iter().map(move |host| (name, host)))
        .collect();
    let mut notes = Vec::new();
    for (at, one) in hosts.iter().enumerate() {
        let others = hosts.iter().skip(at + 1);
        let others = others.filter(|(name, _)| *name != one.0);
        notes.extend(others.filter_map(|other| note(*one, *other)));
    }
    let more = notes.len().saturating_sub(MOST);
    if more > 0 {
        notes.truncate(MOST);
        notes.push(format!("{more} more patterns of hosts overlap"));
    }
    notes
}

fn note(one: (&ResourceName, &String), other: (&ResourceName, &String)) -> Option<String> {
    let is_pattern = |host: &str| host.contains('*');
    if !(is_pattern(one.1) || is_pattern(other.1)) || !overlap(one.1, other.1) {
        return None;
    }
    let shown = format!(
        "{} of {} and {} of {} overlap",
        one.1, one.0, other.1, other.0
    );
    let winner = match weight(one.1).cmp(&weight(other.1)) {
        Ordering::Greater => one,
        Ordering::Less => other,
        Ordering::Equal => {
            return Some(format!(
                "{shown}, and neither is more specific: a host that fits both needs --on"
            ));
        }
    };
    let (name, pattern) = winner;
    Some(format!(
        "{shown}: a host that fits both is {name}'s, since {pattern} is more specific"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_specific_of_two_patterns_is_named_and_a_tie_is_told() {
        let catalogue: Catalogue = toml::from_str(
            r#"
            [resources."ssh/web"]
            hosts = ["*.web.internal", "web-*"]
            roles.a = {}
            [resources."ssh/eu"]
            hosts = ["*.eu.web.internal"]
            roles.a = {}
            [resources."ssh/one"]
            hosts = ["web-1", "db-1"]
            roles.a = {}
            [resources."ssh/tie"]
            hosts = ["*-prd"]
            roles.a = {}
            "#,
        )
        .unwrap();
        assert_eq!(
            notes(&catalogue),
            [
                "*.eu.web.internal of ssh/eu and *.web.internal of ssh/web overlap: a host that fits both is ssh/eu's, since *.eu.web.internal is more specific",
                "*.eu.web.internal of ssh/eu and web-* of ssh/web overlap: a host that fits both is ssh/eu's, since *.eu.web.internal is more specific",
                "web-1 of ssh/one and web-* of ssh/web overlap: a host that fits both is ssh/one's, since web-1 is more specific",
                "*-prd of ssh/tie and web-* of ssh/web overlap, and neither is more specific: a host that fits both needs --on",
            ]
        );
    }
}
