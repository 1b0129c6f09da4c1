//! What this machine knows at the moment of a TAB: its catalogue, and the leases that rest on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::PathBuf,
};

use clap::{Command, builder::StyledStr};
use clap_complete::engine::CompletionCandidate;

use crate::{
    app::status::short,
    cache,
    config::{authority, client, places, served, surroundings},
    domain::{
        catalogue::{Catalogue, Resource},
        entitlement::{Entitlement, Kind, ResourceName},
        environment::Places,
        lease::{Freshness, Lease},
        time::Timestamp,
    },
    platform::clock,
};

/// What may stand there, each with what it is.
pub(super) type Candidates = Vec<CompletionCandidate>;

/// Everything is read when it is asked for, since a TAB asks for one thing.
pub(super) struct Live {
    words: Vec<String>,
    places: Option<Places>,
    now: Timestamp,
    verbs: Vec<(String, Option<StyledStr>)>,
}

impl Live {
    /// What is known where these words of the grammar are typed.
    pub(super) fn new(words: &[OsString], grammar: &Command) -> Self {
        let verbs = grammar.get_subcommands().filter(|verb| !verb.is_hide_set());
        let words = words.iter().map(|word| word.to_string_lossy().into_owned());
        let words: Vec<String> = words.collect();
        let environment = surroundings::capture();
        // The shell expands a tilde once the line is run, not before.
        let directory = value_of("--config-dir", &words).map(|directory| {
            let home = directory.strip_prefix("~/");
            let home = home.and_then(|below| environment.in_home(below));
            home.unwrap_or_else(|| PathBuf::from(directory))
        });
        Self {
            places: places::find(&environment, directory.as_deref())
                .ok()
                .map(|places| {
                    let config = client::load(&places).unwrap_or_default();
                    client::placed(places, &config)
                }),
            words,
            now: clock::now(),
            verbs: verbs
                .map(|verb| (verb.get_name().to_owned(), verb.get_about().cloned()))
                .collect(),
        }
    }

    /// Every entitlement of the catalogue: its tier, and how long it is still held.
    pub(super) fn entitlements(&self) -> Candidates {
        self.entitlements_where(|_| true)
    }

    /// Those of one kind.
    pub(super) fn entitlements_of(&self, kind: Kind) -> Candidates {
        self.entitlements_where(|name| name.kind() == kind)
    }

    fn entitlements_where(&self, wanted: impl Fn(&ResourceName) -> bool) -> Candidates {
        let leases = self.leases();
        let held: BTreeMap<&Entitlement, &Lease> = leases
            .iter()
            .map(|lease| (&lease.grant.entitlement, lease))
            .collect();
        let mut offered = Vec::new();
        for (resource, described) in self.catalogue().resources.0 {
            if !wanted(&resource) {
                continue;
            }
            offered.extend(described.roles().map(|(role, tier)| {
                let entitlement = Entitlement {
                    resource: resource.clone(),
                    role: role.clone(),
                };
                let left = held.get(&entitlement).map(|lease| self.left(lease));
                let left = left.map_or_else(String::new, |left| format!(", {left}"));
                candidate(&entitlement, &format!("{}{left}", tier.as_str()))
            }));
        }
        offered
    }

    /// The entitlements of which a lease rests here.
    pub(super) fn held(&self) -> Candidates {
        let leases = self.leases();
        let offered = leases.iter();
        offered
            .map(|lease| candidate(&lease.grant.entitlement, &self.left(lease)))
            .collect()
    }

    /// The grants of which a lease rests here.
    pub(super) fn grants(&self) -> Candidates {
        let leases = self.leases();
        let offered = leases.iter().map(|lease| {
            let what = format!("{}, {}", lease.grant.entitlement, self.left(lease));
            candidate(&lease.grant.id, &what)
        });
        offered.collect()
    }

    /// The resources of the catalogue, each with its roles.
    pub(super) fn resources(&self) -> Candidates {
        let resources = self.catalogue().resources.0;
        let offered = resources.iter();
        offered
            .map(|(name, resource)| candidate(name, &roles_of(resource)))
            .collect()
    }

    /// The roles of the resource that the line names; of all where it names none.
    pub(super) fn roles(&self) -> Candidates {
        let resources = self.catalogue().resources.0;
        let named = self.words.iter().find_map(|word| {
            let (_, value) = word.split_once('=').unwrap_or(("", word));
            resources.get(&value.parse().ok()?)
        });
        if let Some(resource) = named {
            let offered = resource.roles();
            return offered
                .map(|(role, tier)| candidate(role, tier.as_str()))
                .collect();
        }
        let mut at = BTreeMap::<String, Vec<String>>::new();
        for (name, resource) in &resources {
            for (role, _) in resource.roles() {
                at.entry(role.to_string())
                    .or_default()
                    .push(name.to_string());
            }
        }
        let offered = at.into_iter();
        offered
            .map(|(role, names)| candidate(&role, &names.join(", ")))
            .collect()
    }

    /// The groups of the catalogue, each with its members.
    pub(super) fn groups(&self) -> Candidates {
        let groups = self.catalogue().groups.into_iter();
        groups
            .map(|(group, members)| candidate(&group, &Vec::from_iter(members).join(", ")))
            .collect()
    }

    /// Who is a member of a group of the catalogue.
    pub(super) fn members(&self) -> Candidates {
        let groups = self.catalogue().groups;
        let members: BTreeSet<String> = groups.into_values().flatten().collect();
        members
            .into_iter()
            .map(|name| candidate(&name, ""))
            .collect()
    }

    /// The verbs of `jit`, of which each has a page of the manual.
    pub(super) fn verbs(&self) -> Candidates {
        let verbs = self.verbs.iter();
        verbs
            .map(|(name, about)| CompletionCandidate::new(name).help(about.clone()))
            .collect()
    }

    /// An empty one where it cannot be read: that is told by the command, not by a TAB.
    fn catalogue(&self) -> Catalogue {
        let read = |places| match client::load(places).ok()?.server {
            None => authority::load(places).ok(),
            Some(_) => Some(served::load(places).ok()??.catalogue),
        };
        self.places.as_ref().and_then(read).unwrap_or_default()
    }

    /// The leases whose grants live.
    fn leases(&self) -> Vec<Lease> {
        let mut leases = self.places.as_ref().map_or_else(Vec::new, cache::glance);
        leases.retain(|lease| lease.freshness(self.now) != Freshness::Over);
        leases
    }

    fn left(&self, lease: &Lease) -> String {
        format!("{} left", short(lease.grant.expires_at.left(self.now)))
    }
}

/// What an option of the line was given: `--name VALUE` or `--name=VALUE`.
fn value_of<'a>(option: &str, words: &'a [String]) -> Option<&'a str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let rest = word.strip_prefix(option);
        match rest {
            Some("") => return words.next().map(String::as_str),
            Some(rest) if rest.starts_with('=') => return rest.strip_prefix('='),
            _ => {}
        }
    }
    None
}

fn roles_of(resource: &Resource) -> String {
    let roles: Vec<&str> = resource.roles().map(|(role, _)| role.as_str()).collect();
    roles.join(", ")
}

fn candidate(word: &impl ToString, what: &str) -> CompletionCandidate {
    let what = (!what.is_empty()).then(|| what.to_owned().into());
    CompletionCandidate::new(word.to_string()).help(what)
}
