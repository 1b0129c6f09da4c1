//! What an authority knows how to reach: resources, their roles, and the groups of principals.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

pub use super::resource::{
    AwsIssuer, AwsResource, AwsRole, KubernetesIssuer, KubernetesResource, KubernetesRole,
    PostgresIssuer, PostgresResource, PostgresRole, Resource, SshResource, SshRole,
};
use super::{
    entitlement::{Entitlement, Kind, ResourceName, Tier},
    failure::{Failure, Result, did_you_mean, listed},
    lookup::{Index, Key, Named},
};

/// `authority.toml`. Unknown keys are errors; `config` adds file and line to them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Group name → names of its members, for policies that speak of groups.
    #[serde(default)]
    pub groups: BTreeMap<String, BTreeSet<String>>,
    /// The resources.
    #[serde(default)]
    pub resources: Resources,
    /// Further resources, which are read when they are looked up.
    #[serde(skip)]
    pub index: Option<Arc<dyn Index>>,
}

impl Catalogue {
    /// The resource of that name, or an error that lists the near names.
    pub fn resource(&self, name: &ResourceName) -> Result<&Resource> {
        self.named(name).map(|(_, found)| found).ok_or_else(|| {
            let names: Vec<String> = self.names().iter().map(ToString::to_string).collect();
            let (name, names) = (name.to_string(), names.iter().map(String::as_str));
            let near = did_you_mean(&name, names.clone());
            let listed = listed(&name, names);
            Failure::usage(format!("{name} is not in the catalogue")).hint(if listed.is_empty() {
                "the catalogue is empty: \"jit init\" proposes one".to_owned()
            } else {
                format!("{near}the catalogue has {listed}")
            })
        })
    }

    /// The tier of an entitlement, or an error that lists the near roles.
    pub fn tier(&self, entitlement: &Entitlement) -> Result<Tier> {
        let resource = self.resource(&entitlement.resource)?;
        resource.tier(&entitlement.role).ok_or_else(|| {
            let names: Vec<&str> = resource.roles().map(|(name, _)| name.as_str()).collect();
            let near = did_you_mean(entitlement.role.as_str(), names.iter().copied());
            Failure::usage(format!(
                "{} has no role {:?}",
                entitlement.resource,
                entitlement.role.as_str()
            ))
            .hint(format!("{near}its roles are {}", names.join(", ")))
        })
    }

    /// The resource of that name, if there is one.
    pub fn named(&self, name: &ResourceName) -> Option<Named<'_>> {
        match &self.index {
            Some(index) => index.named(name),
            None => self.resources.0.get_key_value(name),
        }
    }

    /// Those of a kind that have a key which fits, by name.
    pub fn found(&self, kind: Kind, fits: impl Fn(&Key<'_>) -> bool) -> Vec<Named<'_>> {
        if let Some(index) = &self.index {
            return index.found(kind, &fits);
        }
        let all = self.of_kind(kind);
        all.filter(|(_, resource)| resource.keys().iter().any(&fits))
            .collect()
    }

    /// The resources of one kind, by name. Each of them is read.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = Named<'_>> {
        let index = self.index.iter();
        let indexed = index.flat_map(move |index| index.of_kind(kind));
        let resources = self.resources.0.iter();
        resources
            .filter(move |(name, _)| name.kind() == kind)
            .chain(indexed)
    }

    /// Whether there is a resource of that kind.
    pub fn has_kind(&self, kind: Kind) -> bool {
        match &self.index {
            Some(index) => index.has_kind(kind),
            None => self.of_kind(kind).next().is_some(),
        }
    }

    /// The names of all resources.
    pub fn names(&self) -> Vec<ResourceName> {
        match &self.index {
            Some(index) => index.names(),
            None => self.resources.0.keys().cloned().collect(),
        }
    }
}

/// The resources by name. Which keys a resource may have follows from the kind in its name.
#[derive(Clone, Debug, Default)]
pub struct Resources(pub BTreeMap<ResourceName, Resource>);

impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ResourcesVisitor)
    }
}

struct ResourcesVisitor;

impl<'de> Visitor<'de> for ResourcesVisitor {
    type Value = Resources;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("resources, each named \"kind/name\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Resources, A::Error> {
        let mut resources = BTreeMap::new();
        while let Some(name) = map.next_key::<ResourceName>()? {
            let resource = match name.kind() {
                Kind::Ssh => Resource::Ssh(map.next_value()?),
                Kind::Kubernetes => Resource::Kubernetes(map.next_value()?),
                Kind::Postgres => Resource::Postgres(map.next_value()?),
                Kind::Aws => Resource::Aws(map.next_value()?),
            };
            resources.insert(name, resource);
        }
        Ok(Resources(resources))
    }
}
