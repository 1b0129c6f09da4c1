//! The index: which policies can matter to a question, found by action and scope.
//!
//! A policy whose scope names an entity is found only by the questions whose principal or resource
//! is that entity or is in it; all others could not match, so leaving them out changes nothing.

use std::collections::BTreeMap;

use cedar_policy::{ActionConstraint, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};

use super::vocabulary::Action;

/// Stands for a scope that names no entity.
const ANY: u32 = 0;

/// The numbers of policies by action, principal and resource; entities are numbered from 1 in the
/// order in which policies name them.
#[derive(Debug, Default)]
pub(super) struct Index {
    entities: BTreeMap<EntityUid, u32>,
    policies: BTreeMap<(Action, u32, u32), Vec<usize>>,
}

impl Index {
    /// Adds a policy under each of its actions.
    pub(super) fn add(&mut self, number: usize, policy: &Policy) {
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => ANY,
            PrincipalConstraint::In(uid)
            | PrincipalConstraint::Eq(uid)
            | PrincipalConstraint::IsIn(_, uid) => self.number(uid),
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => ANY,
            ResourceConstraint::In(uid)
            | ResourceConstraint::Eq(uid)
            | ResourceConstraint::IsIn(_, uid) => self.number(uid),
        };
        for action in actions(policy) {
            let key = (action, principal, resource);
            self.policies.entry(key).or_default().push(number);
        }
    }

    fn number(&mut self, uid: EntityUid) -> u32 {
        let next = u32::try_from(self.entities.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        *self.entities.entry(uid).or_insert(next)
    }

    /// The policies that can match, given each side's entity with all that it is in; ascending.
    pub(super) fn find(
        &self,
        action: Action,
        principals: &[EntityUid],
        resources: &[EntityUid],
    ) -> Vec<usize> {
        let principals = self.numbers(principals);
        let resources = self.numbers(resources);
        let mut found: Vec<usize> = principals
            .iter()
            .flat_map(|principal| {
                let key = move |resource: &u32| (action, *principal, *resource);
                resources
                    .iter()
                    .filter_map(move |resource| self.policies.get(&key(resource)))
            })
            .flatten()
            .copied()
            .collect();
        found.sort_unstable();
        found
    }

    fn numbers(&self, uids: &[EntityUid]) -> Vec<u32> {
        let known = uids.iter().filter_map(|uid| self.entities.get(uid));
        [ANY].into_iter().chain(known.copied()).collect()
    }
}

/// The actions that a policy speaks of.
pub(super) fn actions(policy: &Policy) -> Vec<Action> {
    let named = |uid: &EntityUid, action: Action| {
        let name = uid.id().unescaped();
        name == action.as_str() || (name == "obtain" && action.obtains())
    };
    let constraint = policy.action_constraint();
    let speaks = |action: &Action| match &constraint {
        ActionConstraint::Any => true,
        ActionConstraint::In(uids) => uids.iter().any(|uid| named(uid, *action)),
        ActionConstraint::Eq(uid) => uid.id().unescaped() == action.as_str(),
    };
    Action::ALL.into_iter().filter(speaks).collect()
}
