//! `postgres/NAME`: servers, databases, an issuer with what it needs, database roles.

use super::fault::{Checked, Claims, Fault, some_hosts};
use crate::{
    config::names::{self, host_and_port},
    domain::{
        catalogue::{PostgresIssuer, PostgresResource},
        entitlement::ResourceName,
    },
};

pub(super) fn check<'a>(
    name: &'a ResourceName,
    resource: &PostgresResource,
    claims: &mut Claims<'a>,
) -> Checked {
    some_hosts(&resource.hosts)?;
    let mut databases: Vec<&str> = resource.databases.iter().map(String::as_str).collect();
    if let Some(database) = databases.iter().find(|database| !names::is_line(database)) {
        return Err(Fault::not(
            &["databases"],
            database,
            "a database",
            "write its name",
        ));
    }
    if databases.is_empty() {
        databases.push("*");
    }
    for (number, text) in resource.hosts.iter().enumerate() {
        let Some((host, port)) = host_and_port(text, 5432) else {
            let hint = "write it as HOST or HOST:PORT";
            return Err(Fault::not(
                &["hosts", &number.to_string()],
                text,
                "a server's address",
                hint,
            ));
        };
        for database in &databases {
            let place = format!("{}:{port}/{database}", host.to_ascii_lowercase());
            claims.claim("hosts", &place, name)?;
        }
    }
    match (resource.issuer, &resource.credential) {
        (PostgresIssuer::DynamicRole, None) => Err(Fault::new(
            ["issuer"],
            "the issuer dynamic-role has no credential",
            "add credential = \"file:PATH\", a file with the URL of a user that may create roles",
        )),
        (PostgresIssuer::Certificate, Some(_)) => Err(Fault::new(
            ["credential"],
            "the issuer certificate needs no credential",
            "remove it, or choose issuer = \"dynamic-role\"",
        )),
        (PostgresIssuer::DynamicRole, Some(_)) | (PostgresIssuer::Certificate, None) => Ok(()),
    }?;
    for (role, written) in &resource.roles {
        if !names::is_database_role(&written.role) {
            let path = ["roles", role.as_str(), "role"];
            let hint = "use letters, digits and _ - . @ $, 63 at most";
            return Err(Fault::not(&path, &written.role, "a database role", hint));
        }
    }
    Ok(())
}
