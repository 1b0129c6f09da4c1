//! Names of principals in policies: one that nobody can have would never match, and a `forbid` of it would
//! forbid nothing.

use std::collections::BTreeSet;

use cedar_policy::{EntityTypeName, Policy, PrincipalConstraint};
use serde_json::Value;

use crate::domain::principal::{Class, Principal};

/// What is wrong with a name, and what would be right.
pub(super) struct WrongName {
    pub(super) message: String,
    pub(super) hint: String,
}

/// The people whom a policy names, by name or by a pattern of `like`; refuses a policy that names somebody as
/// nobody is named here.
pub(super) fn check(policy: &Policy) -> Result<BTreeSet<String>, WrongName> {
    let mut people = BTreeSet::new();
    for uid in policy.entity_literals() {
        let name = uid.id().unescaped();
        let class = uid.type_name().to_string();
        let shown = format!("{class}::{name:?}");
        match class.as_str() {
            "Human" => {
                check_person(&shown, name)?;
                people.insert(name.to_owned());
            }
            // Machines and agents have the same characters.
            "Workload" | "Agent" if Principal::new(Class::Workload, name).is_err() => {
                return Err(unusable(&shown));
            }
            _ => {}
        }
    }
    let mut compared = BTreeSet::new();
    let policy_json = policy.to_json().unwrap_or_default();
    texts_beside(&policy_json, &speaks_of_people(policy), &mut compared);
    compared.iter().try_for_each(|text| check_text(text))?;
    people.extend(compared);
    Ok(people)
}

/// The texts that a policy compares an attribute of the context with.
pub(super) fn compared_with_context(policy: &Policy, attribute: &str) -> BTreeSet<String> {
    let expression =
        serde_json::json!({ ".": { "left": { "Var": "context" }, "attr": attribute } });
    let mut found = BTreeSet::new();
    texts_beside(
        &policy.to_json().unwrap_or_default(),
        &[expression],
        &mut found,
    );
    found
}

/// A name of a person, as an entity.
fn check_person(shown: &str, name: &str) -> Result<(), WrongName> {
    match Principal::person(name) {
        Err(_) => Err(unusable(shown)),
        Ok(person) if person.name() == name => Ok(()),
        Ok(person) => Err(WrongName {
            message: format!(
                "{shown} is nobody: the authority knows people by names in lower case"
            ),
            hint: format!("write Human::{:?}", person.name()),
        }),
    }
}

/// A text that the name of a person, or a line of delegations, is compared with.
fn check_text(text: &str) -> Result<(), WrongName> {
    if !text.contains(|c: char| c.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(WrongName {
        message: format!(
            "{text:?} matches no name of a person: the authority knows people by names in lower case"
        ),
        hint: format!(
            "write {:?}; for a machine or an agent, say `principal is Workload` or `principal is Agent` in the scope",
            text.to_ascii_lowercase()
        ),
    })
}

fn unusable(shown: &str) -> WrongName {
    WrongName {
        message: format!("{shown} is nobody: it can be no principal's name"),
        hint: "a principal's name is letters, digits and . _ - @ +, 128 at most".to_owned(),
    }
}

/// The expressions of a policy that hold a person's name: `principal.name`, unless its scope is about
/// machines or agents alone, and the members of `context.chain`.
fn speaks_of_people(policy: &Policy) -> Vec<Value> {
    let attribute =
        |of: &str, name: &str| serde_json::json!({ ".": { "left": { "Var": of }, "attr": name } });
    let is_human = |class: &EntityTypeName| class.basename() == Class::Human.as_str();
    let may_be_human = match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        PrincipalConstraint::Is(class) | PrincipalConstraint::IsIn(class, _) => is_human(&class),
        PrincipalConstraint::Eq(uid) => is_human(uid.type_name()),
    };
    let own = may_be_human.then(|| attribute("principal", "name"));
    own.into_iter()
        .chain([attribute("context", "chain")])
        .collect()
}

/// Collects the texts that one of these expressions is compared with: the other operand of the same
/// operator.
fn texts_beside(json: &Value, expressions: &[Value], found: &mut BTreeSet<String>) {
    match json {
        Value::Object(object) => {
            let is_operand = |value: &Value| expressions.contains(value);
            if object.values().any(is_operand) {
                for value in object.values() {
                    collect_texts(value, found);
                }
            }
            for value in object.values() {
                texts_beside(value, expressions, found);
            }
        }
        Value::Array(values) => {
            for value in values {
                texts_beside(value, expressions, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The texts of an operand: one, several in a set, or a pattern. Machines and agents in a line of delegations
/// have a class before their name.
fn collect_texts(operand: &Value, found: &mut BTreeSet<String>) {
    match operand {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get("Value") {
                found.extend((!text.contains('/')).then(|| text.clone()));
            }
            for member in object
                .get("Set")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                collect_texts(member, found);
            }
        }
        Value::Array(pieces) => {
            found.insert(pieces.iter().map(piece).collect());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A piece of a pattern, as it is written.
fn piece(json: &Value) -> &str {
    json.get("Literal").and_then(Value::as_str).unwrap_or("*")
}
