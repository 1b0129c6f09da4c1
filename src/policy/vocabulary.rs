//! The words that policies are written in: the schema, its entity types and actions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    str::FromStr as _,
    sync::{Mutex, PoisonError},
};

use cedar_policy::{
    Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression as Expression, Schema,
};
use serde::Serialize;

use crate::domain::{
    failure::{Failure, Result},
    principal::Class,
    time::Timestamp,
};

/// The schema, in Cedar's own syntax.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// The actions of the schema; each is one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// May have it now.
    Elevate,
    /// May ask people for it.
    Request,
    /// May have it now, skipping approval, in an emergency.
    BreakGlass,
    /// May say yes to somebody else's request.
    Approve,
    /// May end a grant.
    Revoke,
    /// May let somebody else act for them.
    Delegate,
    /// May read what is recorded.
    Audit,
    /// May change the authority itself.
    Administer,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 8] = [
        Self::Elevate,
        Self::Request,
        Self::BreakGlass,
        Self::Approve,
        Self::Revoke,
        Self::Delegate,
        Self::Audit,
        Self::Administer,
    ];

    /// The action as policies name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Elevate => "elevate",
            Self::Request => "request",
            Self::BreakGlass => "break_glass",
            Self::Approve => "approve",
            Self::Revoke => "revoke",
            Self::Delegate => "delegate",
            Self::Audit => "audit",
            Self::Administer => "administer",
        }
    }

    /// Whether it is one of the ways to an entitlement, which `Action::"obtain"` stands for.
    pub const fn obtains(self) -> bool {
        matches!(self, Self::Elevate | Self::Request | Self::BreakGlass)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The entity types of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    /// A class of principals.
    Principal(Class),
    /// Principals together.
    Group,
    /// Resource and role.
    Entitlement,
    /// What is reached.
    Resource,
    /// The kind of what is reached.
    Kind,
    /// How sensitive it is.
    Tier,
    /// What the catalogue says of it.
    Label,
    /// The authority itself.
    Authority,
    /// What is asked.
    Action,
}

/// The parsed schema and the names of its entity types, which are parsed once.
#[derive(Debug)]
pub struct Vocabulary {
    /// The schema.
    pub schema: Schema,
    /// The actions that are in a group; the others are only their names.
    pub actions: Vec<Entity>,
    /// The groups that the policies name, in a scope or in a condition.
    pub named_groups: BTreeSet<String>,
    human: EntityTypeName,
    workload: EntityTypeName,
    agent: EntityTypeName,
    group: EntityTypeName,
    entitlement: EntityTypeName,
    resource: EntityTypeName,
    kind: EntityTypeName,
    tier: EntityTypeName,
    label: EntityTypeName,
    authority: EntityTypeName,
    action: EntityTypeName,
    instants: Made<i64>,
    addresses: Made<IpAddr>,
}

/// Values of Cedar's extensions that were made before: to make one, Cedar parses the extension's name.
#[derive(Debug)]
struct Made<K>(Mutex<BTreeMap<K, Expression>>);

/// How many of each are kept at most.
const KEPT: usize = 256;

impl<K: Ord> Made<K> {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn of(&self, key: K, make: impl FnOnce() -> Expression) -> Expression {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KEPT {
            all.clear();
        }
        all.entry(key).or_insert_with(make).clone()
    }
}

impl Vocabulary {
    /// Parses the shipped schema.
    pub fn new() -> Result<Self> {
        let broken = || Failure::failed("the built-in policy schema is broken");
        let named =
            |name: &str| EntityTypeName::from_str(name).map_err(|error| broken().because(&error));
        let (schema, _) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|error| broken().because(&error))?;
        let actions = schema
            .action_entities()
            .map_err(|error| broken().because(&error))?;
        let is_grouped = |entity: &&Entity| {
            let mut groups = actions.ancestors(&entity.uid()).into_iter().flatten();
            groups.next().is_some()
        };
        Ok(Self {
            actions: actions.iter().filter(is_grouped).cloned().collect(),
            schema,
            named_groups: BTreeSet::new(),
            human: named(Class::Human.as_str())?,
            workload: named(Class::Workload.as_str())?,
            agent: named(Class::Agent.as_str())?,
            group: named("Group")?,
            entitlement: named("Entitlement")?,
            resource: named("Resource")?,
            kind: named("Kind")?,
            tier: named("Tier")?,
            label: named("Label")?,
            authority: named("Authority")?,
            action: named("Action")?,
            instants: Made::new(),
            addresses: Made::new(),
        })
    }

    /// The second of an instant: Cedar's datetime has whole seconds or exactly three digits of fraction.
    pub fn instant(&self, at: Timestamp) -> Expression {
        let make = || Expression::new_datetime(at.to_rfc3339_seconds());
        self.instants.of(at.secs(), make)
    }

    /// An address; one of IPv4 that came over IPv6 is one of IPv4.
    pub fn address(&self, address: IpAddr) -> Expression {
        let address = address.to_canonical();
        let make = || Expression::new_ip(address.to_string());
        self.addresses.of(address, make)
    }

    /// The entity of that type and name. The name is data: whatever it holds, it stays one name.
    pub fn uid(&self, noun: Noun, name: &str) -> EntityUid {
        let entity_type = match noun {
            Noun::Principal(Class::Human) => &self.human,
            Noun::Principal(Class::Workload) => &self.workload,
            Noun::Principal(Class::Agent) => &self.agent,
            Noun::Group => &self.group,
            Noun::Entitlement => &self.entitlement,
            Noun::Resource => &self.resource,
            Noun::Kind => &self.kind,
            Noun::Tier => &self.tier,
            Noun::Label => &self.label,
            Noun::Authority => &self.authority,
            Noun::Action => &self.action,
        };
        EntityUid::from_type_name_and_id(entity_type.clone(), EntityId::new(name))
    }

    /// Whether it is a group.
    pub fn is_group(&self, uid: &EntityUid) -> bool {
        *uid.type_name() == self.group
    }

    /// The entity of an action.
    pub fn action(&self, action: Action) -> EntityUid {
        self.uid(Noun::Action, action.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_exactly_the_actions() {
        let vocabulary = Vocabulary::new().unwrap();
        let mut known: Vec<String> = Action::ALL
            .iter()
            .map(|action| vocabulary.action(*action).to_string())
            .collect();
        known.push(vocabulary.uid(Noun::Action, "obtain").to_string());
        let mut written: Vec<String> = vocabulary
            .schema
            .actions()
            .map(ToString::to_string)
            .collect();
        known.sort();
        written.sort();
        assert_eq!(known, written);
    }
}
