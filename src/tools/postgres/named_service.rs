//! A service that a command names: one of libpq's files defines it, or else the catalogue.
//!
//! `jit setup postgres` calls the services of `postgres/orders` `orders` and `orders:ROLE`, in a file
//! that no variable of a whole shell names. So a command under `jit exec` finds them by the catalogue.

use super::{conninfo::Settings, place::place, roles::smallest, service};
use crate::{
    domain::{
        catalogue::{PostgresResource, Resource},
        entitlement::{Kind, ResourceName, RoleName},
        failure::Result,
    },
    tools::task::Task,
};

/// The parameters of the service of that name.
///
/// # Errors
/// Usage: nothing defines it, or the catalogue does and no role is the smallest.
pub fn find(name: &str, task: &Task<'_>) -> Result<Settings> {
    service::find(name, task.environment).or_else(|failure| {
        let found = of_catalogue(name, task);
        found.unwrap_or_else(|| Err(failure.stranger()))
    })
}

/// `NAME` with the smallest role, or `NAME:ROLE`.
fn of_catalogue(service: &str, task: &Task<'_>) -> Option<Result<Settings>> {
    let (own, role) = service
        .split_once(':')
        .map_or((service, None), |(own, role)| (own, Some(role)));
    let name: ResourceName = format!("{}/{own}", Kind::Postgres).parse().ok()?;
    let (name, Resource::Postgres(resource)) = task.catalogue.named(&name)? else {
        return None;
    };
    let role: Result<RoleName> = match role {
        Some(role) => Ok(resource.roles.keys().find(|r| r.as_str() == role)?.clone()),
        None => task
            .role
            .cloned()
            .map_or_else(|| smallest_of(name, resource), Ok),
    };
    Some(role.map(|role| settings(resource, &role)))
}

fn smallest_of(name: &ResourceName, resource: &PostgresResource) -> Result<RoleName> {
    smallest(name, resource).map(|(role, _)| role)
}

fn settings(resource: &PostgresResource, role: &RoleName) -> Settings {
    let mut settings = target(resource);
    if let Some(role) = resource.roles.get(role) {
        settings.insert("user".to_owned(), role.role.clone());
    }
    settings
}

/// Where a service of a resource goes: all its hosts, and its database where there is only one.
pub fn target(resource: &PostgresResource) -> Settings {
    let places: Vec<(&str, u16)> = resource.hosts.iter().map(|text| place(text)).collect();
    let hosts: Vec<&str> = places.iter().map(|(host, _)| *host).collect();
    let ports: Vec<String> = places.iter().map(|(_, port)| port.to_string()).collect();
    let mut settings = Settings::from([
        ("host".to_owned(), hosts.join(",")),
        ("port".to_owned(), ports.join(",")),
    ]);
    if let (1, Some(only)) = (resource.databases.len(), resource.databases.first()) {
        settings.insert("dbname".to_owned(), only.clone());
    }
    settings
}
