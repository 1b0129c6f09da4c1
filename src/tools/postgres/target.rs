//! Which resource and which role of the catalogue a connection means.

use std::collections::BTreeSet;

use super::{
    connection::Connection,
    overlay::role_of_options,
    place::place,
    roles::{role_names, smallest},
};
use crate::{
    domain::{
        catalogue::{Catalogue, PostgresResource, Resource},
        entitlement::{Kind, ResourceName, RoleName},
        failure::{Failure, Nature, Result, did_you_mean, listed},
        lookup::{Key, Named},
    },
    tools::task::Task,
};

/// A resource of ours with its name.
pub type Found<'a> = (&'a ResourceName, &'a PostgresResource);

/// The resource that the connection goes to: the one that `--on` names, the one at its hosts, or
/// where no host is named the one that has its database.
///
/// # Errors
/// Usage: nothing is named, it is unknown, or several resources have it.
pub fn resource<'a>(task: &Task<'a>, connection: &Connection) -> Result<Found<'a>> {
    if let Some(name) = task.on {
        return named(task.catalogue, name);
    }
    let hosts = connection.hosts()?;
    // A port without a host; with hosts, each has its own.
    let port = if hosts.is_empty() {
        connection.port()?
    } else {
        None
    };
    let at_place = |(_, resource): &Found<'_>| {
        if hosts.is_empty() {
            return !resource.databases.is_empty()
                && port.is_none_or(|port| resource.hosts.iter().any(|h| place(h).1 == port));
        }
        hosts.iter().all(|host| is_at(resource, host))
    };
    let candidates = candidates(task.catalogue, connection, &hosts);
    let there: Vec<Found<'a>> = candidates.into_iter().filter(at_place).collect();
    if hosts.is_empty() && connection.database().is_none() {
        let program = task.program_name();
        return Err(
            Failure::usage(format!("{program} names neither a host nor a database"))
                .hint(format!(
                    "name one, or the resource: jit exec --on postgres/NAME -- {program}"
                ))
                .stranger(),
        );
    }
    if there.is_empty() && !hosts.is_empty() {
        let failure = unknown_hosts(task.catalogue, &hosts);
        return Err(if reaches_ours(task.catalogue, connection, &hosts) {
            failure
        } else {
            failure.stranger()
        });
    }
    let found = with_database(&there, connection);
    found.map_err(|failure| {
        if hosts.is_empty() {
            failure
        } else {
            failure.of_nature(Nature::Final)
        }
    })
}

/// The resources that can be meant: those at the first host, or with the database where no host is named.
/// Where nothing is, all, for an error that lists them.
fn candidates<'a>(
    catalogue: &'a Catalogue,
    connection: &Connection,
    hosts: &[(String, u16)],
) -> Vec<Found<'a>> {
    let database = connection.database();
    let fits = |key: &Key<'_>| match (key, hosts.first()) {
        (Key::Host(text), Some(host)) => is_place(text, host),
        (Key::Database(name), None) => database.is_some_and(|database| name == database),
        _ => false,
    };
    let found = catalogue.found(Kind::Postgres, fits);
    let found: Vec<Found<'a>> = found.into_iter().filter_map(of_postgres).collect();
    if found.is_empty() {
        return ours(catalogue).collect();
    }
    found
}

/// Whether one of several hosts, or an address that stands behind a host's name, is ours.
fn reaches_ours(catalogue: &Catalogue, connection: &Connection, hosts: &[(String, u16)]) -> bool {
    let addresses = connection.value("hostaddr").unwrap_or_default();
    let is_address = |known: &str| addresses.split(',').any(|address| address == known);
    ours(catalogue).any(|(_, resource)| {
        let named = hosts.iter().any(|host| is_at(resource, host));
        named || resource.hosts.iter().any(|host| is_address(place(host).0))
    })
}

/// The resource of that name, which must be one of ours.
fn named<'a>(catalogue: &'a Catalogue, name: &'a ResourceName) -> Result<Found<'a>> {
    match catalogue.resource(name)? {
        Resource::Postgres(resource) => Ok((name, resource)),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Aws(_) => {
            Err(Failure::usage(format!("{name} is not a PostgreSQL server"))
                .hint("name one: --on postgres/NAME"))
        }
    }
}

fn ours(catalogue: &Catalogue) -> impl Iterator<Item = Found<'_>> {
    catalogue.of_kind(Kind::Postgres).filter_map(of_postgres)
}

fn of_postgres((name, resource): Named<'_>) -> Option<Found<'_>> {
    match resource {
        Resource::Postgres(resource) => Some((name, resource)),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Aws(_) => None,
    }
}

/// Whether a resource is at that host and port.
pub fn is_at(resource: &PostgresResource, host: &(String, u16)) -> bool {
    resource.hosts.iter().any(|text| is_place(text, host))
}

/// Whether a host of the catalogue is that host and port.
fn is_place(text: &str, (host, port): &(String, u16)) -> bool {
    let known = place(text);
    known.0.eq_ignore_ascii_case(host.trim_end_matches('.')) && known.1 == *port
}

/// Of the resources at the right place, the one that has the database; one that names it comes
/// before one that has all of its server's.
fn with_database<'a>(there: &[Found<'a>], connection: &Connection) -> Result<Found<'a>> {
    let Some(database) = connection.database() else {
        return without_database(there, connection);
    };
    let naming = |(_, r): &&Found<'a>| r.databases.contains(database);
    let whole = |(_, r): &&Found<'a>| r.databases.is_empty();
    let mut found: Vec<Found<'a>> = there.iter().filter(naming).copied().collect();
    if found.is_empty() {
        found = there.iter().filter(whole).copied().collect();
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let known: Vec<&str> = there
                .iter()
                .flat_map(|(_, r)| r.databases.iter().map(String::as_str))
                .collect();
            let near = did_you_mean(database, known.iter().copied());
            Err(
                // Without a host it is one of this machine.
                Failure::usage(format!("no resource has the database {database:?}"))
                    .hint(format!(
                        "{near}the catalogue has {}; or name the resource with --on",
                        listed_or_none(database, &known)
                    ))
                    .stranger(),
            )
        }
        several => Err(ambiguous(&format!("the database {database:?}"), several)),
    }
}

fn without_database<'a>(there: &[Found<'a>], connection: &Connection) -> Result<Found<'a>> {
    match there {
        [(name, resource)] if connection.named.own_database || resource.databases.len() < 2 => {
            Ok((name, resource))
        }
        [(_, resource)] => {
            let known: Vec<&str> = resource.databases.iter().map(String::as_str).collect();
            Err(Failure::usage("the command names no database")
                .hint(format!("name one of {}", known.join(", "))))
        }
        several => Err(ambiguous("this server", several)),
    }
}

fn ambiguous(what: &str, found: &[Found<'_>]) -> Failure {
    let names: Vec<String> = found.iter().map(|(name, _)| name.to_string()).collect();
    Failure::usage(format!("{what} is in {}", names.join(" and ")))
        .hint("name the one that you mean: jit exec --on postgres/NAME -- psql …")
}

/// That no resource has all of these hosts: which one is unknown, or where each of them is.
fn unknown_hosts(catalogue: &Catalogue, hosts: &[(String, u16)]) -> Failure {
    let shown = |(host, port): &(String, u16)| format!("{host}:{port}");
    let of = |host: &(String, u16)| ours(catalogue).find(|(_, resource)| is_at(resource, host));
    let (there, unknown): (Vec<_>, Vec<_>) = hosts.iter().partition(|host| of(host).is_some());
    let places: Vec<String> = there
        .into_iter()
        .filter_map(|host| Some(format!("{} is in {}", shown(host), of(host)?.0)))
        .collect();
    let places = places.join(", ");
    if unknown.is_empty() {
        return Failure::usage(format!("no resource has all of these hosts: {places}"))
            .hint("name hosts of one resource");
    }
    let unknown: Vec<String> = unknown.into_iter().map(shown).collect();
    let unknown = unknown.join(",");
    let known: Vec<&str> = ours(catalogue)
        .flat_map(|(_, resource)| resource.hosts.iter().map(String::as_str))
        .collect();
    let near = did_you_mean(&unknown, known.iter().copied());
    let places = if places.is_empty() {
        places
    } else {
        format!("{places}; ")
    };
    Failure::usage(format!("no resource is at {unknown:?}")).hint(format!(
        "{near}{places}the catalogue has {}; or name the resource with --on",
        listed_or_none(&unknown, &known)
    ))
}

fn listed_or_none(word: &str, names: &[&str]) -> String {
    let names: BTreeSet<&str> = names.iter().copied().collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    listed(word, names)
}

/// The role: the one that `--role` names, the one behind the database user that the command names,
/// or the smallest. Answers why, too.
///
/// # Errors
/// Usage: the role or the user is unknown, they contradict each other, or no role is the smallest.
pub fn role(
    task: &Task<'_>,
    (name, resource): Found<'_>,
    connection: &Connection,
) -> Result<(RoleName, String)> {
    let behind = |user: &str| resource.roles.iter().find(|(_, role)| role.role == user);
    // A service of ours for a role that is made for the grant names the one behind it.
    let options = connection.of_service("options").and_then(role_of_options);
    let wished = connection.wish("user");
    let named = [wished, options, connection.value("user")];
    if let Some(role) = task.role {
        let known = resource.roles.get(role);
        let known = known.ok_or_else(|| unknown_role(name, resource, role.as_str()))?;
        return match wished {
            Some(user) if user != known.role => Err(Failure::usage(format!(
                "the command logs in as {user:?}, and the role {role} is {:?}",
                known.role
            ))
            .hint("leave one of the two out")),
            _ => Ok((role.clone(), "--role names it".to_owned())),
        };
    }
    match (named.into_iter().flatten().find_map(behind), wished) {
        (Some((role, known)), _) => Ok((
            role.clone(),
            format!("{role} is the role behind the database user {}", known.role),
        )),
        (None, Some(user)) => Err(unknown_role(name, resource, user)),
        (None, None) if connection.named.writes && resource.roles.len() > 1 => {
            Err(wants_role(task, name, resource))
        }
        (None, None) => smallest(name, resource),
    }
}

/// What is run to change something would fail half-way with the smallest role, and a larger one is
/// not guessed.
fn wants_role(task: &Task<'_>, name: &ResourceName, resource: &PostgresResource) -> Failure {
    Failure::usage(format!(
        "{} changes {name}, so it needs a role that you name",
        task.program_name()
    ))
    .hint(format!(
        "name one with --role: {}",
        role_names(resource).join(", ")
    ))
}

fn unknown_role(name: &ResourceName, resource: &PostgresResource, wished: &str) -> Failure {
    let roles = role_names(resource);
    let near = did_you_mean(wished, resource.roles.keys().map(RoleName::as_str));
    Failure::usage(format!("{name} has no role for {wished:?}")).hint(format!(
        "{near}its roles (and database users) are {}",
        roles.join(", ")
    ))
}
