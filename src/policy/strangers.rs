//! Strangers: what policies speak of and the catalogue does not know. No error (a policy may be
//! written before its resource), but most often a slip of the finger.

use std::collections::BTreeSet;

use super::set::Policies;
use crate::domain::{catalogue::Catalogue, failure::did_you_mean, principal::ADMINISTRATORS};

/// Where the groups that people and workloads are in are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupsOf {
    /// In the catalogue, all of them.
    Catalogue,
    /// By a provider too, so that they are known to nobody here.
    Provider,
}

impl Policies {
    /// One line for each, with its place and the nearest right word. Of groups only where all of them are in
    /// the catalogue.
    pub fn strangers(&self, catalogue: &Catalogue, groups: GroupsOf) -> Vec<String> {
        let known = Known::of(catalogue);
        let mut lines = Vec::new();
        for rule in &self.rules {
            for uid in rule.policy.entity_literals() {
                let name = uid.id().unescaped();
                let kind = uid.type_name().to_string();
                let Some(right) = known.names(&kind) else {
                    continue;
                };
                if kind == "Group" && groups == GroupsOf::Provider {
                    continue;
                }
                if !right.contains(name) {
                    let near = did_you_mean(name, right.iter().map(String::as_str));
                    let place = rule.place.shown();
                    let line = format!("{place}: the catalogue has no {uid}; {near}");
                    lines.push(line.trim_end_matches([';', ' ']).to_owned());
                }
            }
        }
        lines.sort_unstable();
        lines.dedup();
        lines
    }
}

struct Known {
    groups: BTreeSet<String>,
    labels: BTreeSet<String>,
    resources: BTreeSet<String>,
    entitlements: BTreeSet<String>,
}

impl Known {
    fn of(catalogue: &Catalogue) -> Self {
        let mut known = Self {
            groups: BTreeSet::from([ADMINISTRATORS.to_owned()]),
            labels: BTreeSet::new(),
            resources: BTreeSet::new(),
            entitlements: BTreeSet::new(),
        };
        known.groups.extend(catalogue.groups.keys().cloned());
        for (name, resource) in &catalogue.resources.0 {
            known.labels.extend(resource.labels().iter().cloned());
            let roles = resource.roles().map(|(role, _)| format!("{name}:{role}"));
            known.entitlements.extend(roles);
            known.resources.insert(name.to_string());
        }
        known
    }

    fn names(&self, entity_type: &str) -> Option<&BTreeSet<String>> {
        match entity_type {
            "Group" => Some(&self.groups),
            "Label" => Some(&self.labels),
            "Resource" => Some(&self.resources),
            "Entitlement" => Some(&self.entitlements),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_nobody_is_in_is_named_with_the_nearest() {
        let mut catalogue = Catalogue::default();
        catalogue
            .groups
            .insert("on-call".to_owned(), BTreeSet::new());
        let text = "permit (principal in Group::\"on-cal\", action == Action::\"elevate\", resource in Kind::\"ssh\");";
        let policies = Policies::parse(&[("p.cedar".to_owned(), text.to_owned())]).unwrap();
        assert_eq!(
            policies.strangers(&catalogue, GroupsOf::Catalogue),
            ["p.cedar:1: the catalogue has no Group::\"on-cal\"; did you mean \"on-call\"?"]
        );
        assert!(
            policies
                .strangers(&catalogue, GroupsOf::Provider)
                .is_empty()
        );
        catalogue
            .groups
            .insert("on-cal".to_owned(), BTreeSet::new());
        assert!(
            policies
                .strangers(&catalogue, GroupsOf::Catalogue)
                .is_empty()
        );
    }
}
