//! The smallest role that covers what a command does.

use super::task::{Recognised, Task};
use crate::domain::{
    catalogue::Catalogue,
    entitlement::{Entitlement, ResourceName, RoleName, Tier},
    failure::{Failure, Result},
};

/// How much a command does, or a role allows; the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Looking, where nothing secret is seen.
    Reads,
    /// Changing things, and seeing secrets.
    Writes,
    /// Changing who may do what, and what cannot be had back.
    Everything,
}

impl Coverage {
    /// What a role of this name allows, for names that mean the same everywhere; `None` for others.
    pub fn of_name(role: &str) -> Option<Self> {
        let plain: String = role
            .chars()
            .filter(|c| !"-_.".contains(*c))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match plain.as_str() {
            "view" | "viewer" | "viewonly" | "viewonlyaccess" | "read" | "reader" | "readonly"
            | "readonlyaccess" | "ro" | "audit" | "auditor" | "securityaudit" => Some(Self::Reads),
            "edit" | "editor" | "write" | "writer" | "readwrite" | "rw" | "develop"
            | "developer" | "deploy" | "deployer" | "power" | "poweruser" | "poweruseraccess" => {
                Some(Self::Writes)
            }
            "admin"
            | "administrator"
            | "administratoraccess"
            | "clusteradmin"
            | "root"
            | "owner"
            | "superuser" => Some(Self::Everything),
            _ => None,
        }
    }
}

/// One role of a resource, seen from one command.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The role.
    pub role: &'a RoleName,
    /// How sensitive it is.
    pub tier: Tier,
    /// How much it allows, if that covers the command; `None` where it does not or nobody knows.
    pub covers: Option<Coverage>,
}

/// The role to ask for: the one that covers the command and allows least, of these the least
/// sensitive, of these the first by name. A resource with a single role has no choice: that one.
///
/// `says` is what the command does, for the reason and the error: "get reads".
///
/// # Errors
/// Usage, where no role is known to cover the command; the hint lists the roles.
pub fn smallest(
    resource: &ResourceName,
    says: &str,
    roles: &[Candidate<'_>],
) -> Result<Recognised> {
    let found = |role: &RoleName, because: String| {
        Recognised::new(
            Entitlement {
                resource: resource.clone(),
                role: role.clone(),
            },
            because,
        )
    };
    if let [only] = roles {
        return Ok(found(
            only.role,
            format!("{says}: {} is the only role of {resource}", only.role),
        ));
    }
    let least = roles
        .iter()
        .filter_map(|role| Some((role.covers?, role.tier, role.role)))
        .min();
    if let Some((_, _, role)) = least {
        return Ok(found(
            role,
            format!("{says}: {role} is the smallest role that covers it"),
        ));
    }
    let names: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
    Err(Failure::usage(format!(
        "{says}, and no role of {resource} is known to cover it"
    ))
    .hint(format!(
        "name one with --role; its roles are {}",
        names.join(", ")
    )))
}

/// What `--role` names, if it does.
///
/// # Errors
/// Usage, where the resource has no such role; the hint lists those that it has.
pub fn named(task: &Task<'_>, resource: &ResourceName) -> Result<Option<Recognised>> {
    let Some(role) = task.role else {
        return Ok(None);
    };
    let entitlement = Entitlement {
        resource: resource.clone(),
        role: role.clone(),
    };
    known(task.catalogue, &entitlement)?;
    Ok(Some(Recognised::new(entitlement, "--role names it")))
}

fn known(catalogue: &Catalogue, entitlement: &Entitlement) -> Result<()> {
    catalogue.tier(entitlement).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Role = (&'static str, Tier, Option<Coverage>);

    fn pick(roles: &[Role]) -> Result<Recognised> {
        let names: Vec<RoleName> = roles.iter().map(|role| role.0.parse().unwrap()).collect();
        let candidates: Vec<Candidate<'_>> = names
            .iter()
            .zip(roles)
            .map(|(role, (_, tier, covers))| Candidate {
                role,
                tier: *tier,
                covers: *covers,
            })
            .collect();
        smallest(&"aws/prod".parse().unwrap(), "it reads", &candidates)
    }

    #[test]
    fn the_smallest_role_wins_by_coverage_then_tier_then_name() {
        use Coverage::{Everything, Reads, Writes};
        use Tier::{Routine, Sensitive};
        let cases: [(&[Role], &str); 4] = [
            (
                &[
                    ("admin", Routine, Some(Everything)),
                    ("view", Sensitive, Some(Reads)),
                ],
                "view",
            ),
            (
                &[("a", Sensitive, Some(Writes)), ("b", Routine, Some(Writes))],
                "b",
            ),
            (
                &[("b", Routine, Some(Writes)), ("a", Routine, Some(Writes))],
                "a",
            ),
            (&[("only", Sensitive, None)], "only"),
        ];
        for (roles, wanted) in cases {
            assert_eq!(pick(roles).unwrap().entitlement.role.as_str(), wanted);
        }
    }

    #[test]
    fn nothing_that_covers_it_is_an_error_that_lists_the_roles() {
        let failure = pick(&[("a", Tier::Routine, None), ("b", Tier::Routine, None)]).unwrap_err();
        assert_eq!(
            failure.message,
            "it reads, and no role of aws/prod is known to cover it"
        );
        assert_eq!(failure.hint, "name one with --role; its roles are a, b");
    }

    #[test]
    fn well_known_names_are_known_however_they_are_written() {
        for name in ["view", "Read-Only", "ReadOnlyAccess", "ro", "read_only"] {
            assert_eq!(Coverage::of_name(name), Some(Coverage::Reads), "{name}");
        }
        for name in ["cluster-admin", "AdministratorAccess", "root"] {
            assert_eq!(
                Coverage::of_name(name),
                Some(Coverage::Everything),
                "{name}"
            );
        }
        for name in ["", "readmin", "orders", "viewadmin"] {
            assert_eq!(Coverage::of_name(name), None, "{name}");
        }
    }
}
