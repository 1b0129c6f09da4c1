//! What a catalogue must hold beyond its shape: names that are names, and nothing claimed twice.

mod aws;
pub(super) mod fault;
mod kubernetes;
mod postgres;
mod ssh;

use self::fault::{Checked, Claims, Fault};
use super::{account::SUBJECT, names};
use crate::domain::{
    catalogue::{Catalogue, Resource},
    principal::Principal,
};

/// Refuses the first mistake.
pub(super) fn catalogue(catalogue: &Catalogue) -> Checked {
    for (group, members) in &catalogue.groups {
        if let Some(member) = members.iter().find(|member| !is_member(member)) {
            return Err(Fault::new(
                ["groups", group],
                format!("{member:?} in group {group:?} cannot be a principal's name"),
                "a principal's name is letters, digits and . _ - @ +, 128 at most; an account at the provider is sub:SUBJECT",
            ));
        }
    }
    let mut claims = Claims::default();
    for (name, resource) in &catalogue.resources.0 {
        let checked = every(resource).and_then(|()| match resource {
            Resource::Ssh(resource) => ssh::check(name, resource, &mut claims),
            Resource::Kubernetes(resource) => kubernetes::check(name, resource, &mut claims),
            Resource::Postgres(resource) => postgres::check(name, resource, &mut claims),
            Resource::Aws(resource) => aws::check(name, resource, &mut claims),
        });
        checked.map_err(|fault| fault.below(name))?;
    }
    Ok(())
}

/// Whether it names a person, or their account at the OpenID provider.
fn is_member(member: &str) -> bool {
    member
        .strip_prefix(SUBJECT)
        .map_or_else(|| Principal::person(member).is_ok(), names::is_subject)
}

fn every(resource: &Resource) -> Checked {
    if resource.roles().next().is_none() {
        let hint = "add at least one role; without one nobody can be given anything";
        return Err(Fault::new(["roles"], "there are no roles", hint));
    }
    let broken = resource
        .labels()
        .iter()
        .find(|label| !names::is_line(label));
    broken.map_or(Ok(()), |label| {
        Err(Fault::not(
            &["labels"],
            label,
            "a label",
            "use one line of text",
        ))
    })
}
