//! Databases from the services of `pg_service.conf`.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    found::{Found, list, quote, role, tier_of},
    ini,
};
use crate::{
    domain::{
        entitlement::{Kind, RoleName},
        environment::Environment,
        failure::Result,
    },
    platform::files,
    tools::postgres::{passfile, services},
};

pub(super) fn find(environment: &Environment) -> Result<Vec<Found>> {
    let path = match environment.value("PGSERVICEFILE") {
        Some(path) => Some(environment.directory.join(path)),
        None => environment.in_home(".pg_service.conf"),
    };
    let read = |path: PathBuf| files::read_text(&path);
    let mut text = path.map_or(Ok(None), read)?;
    // What setup made names what the catalogue has already; the user's own file stands behind it.
    if let Some(ours) = text.as_deref().and_then(services::origin) {
        text = ours.yours.map_or(Ok(None), read)?;
    }
    let sections = ini::sections(&text.unwrap_or_default());
    Ok(sections.iter().filter_map(service).collect())
}

/// Servers for which `~/.pgpass` holds a password.
pub(super) fn passwords(environment: &Environment) -> Result<Vec<Found>> {
    let entries = passfile::read(environment)?;
    Ok(entries.iter().filter_map(password).collect())
}

fn password(entry: &passfile::Entry) -> Option<Found> {
    let named = |field: &str| (field != "*").then(|| field.to_owned());
    let fields = [
        ("host", named(&entry.host)),
        ("port", named(&entry.port)),
        ("dbname", named(&entry.database)),
        ("user", named(&entry.user)),
    ];
    let settings: BTreeMap<String, String> = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect();
    let host = settings.get("host")?;
    let first = host.split('.').next().unwrap_or_default();
    let name = settings
        .get("dbname")
        .map_or(first, String::as_str)
        .to_owned();
    let found = service(&(name, settings))?;
    let line = entry.line;
    Some(Found {
        origin: format!("the password file of PostgreSQL, line {line}"),
        replaces: Some(format!(
            "the password in that line, of {}",
            quote(&entry.user)
        )),
        ..found
    })
}

fn service((name, settings): &(String, BTreeMap<String, String>)) -> Option<Found> {
    let host = settings.get("host").or_else(|| settings.get("hostaddr"))?;
    let host = match settings.get("port") {
        Some(port) if host.contains(':') => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
        None => host.clone(),
    };
    let mut keys = vec![("hosts", list([host.as_str()]))];
    let database = settings.get("dbname");
    keys.extend(database.map(|database| ("databases", list([database.as_str()]))));
    keys.push(("issuer", quote("certificate")));
    let user = settings.get("user");
    let named = user.and_then(|user| Some((user.parse::<RoleName>().ok()?, user)));
    let (role, needs) = match named {
        Some((name, user)) => ((name, role(&[("role", user)], tier_of(user))), None),
        None => (
            (
                "read".parse().ok()?,
                role(&[("role", "ROLE")], tier_of("read")),
            ),
            Some("the database role, instead of ROLE".to_owned()),
        ),
    };
    Some(Found {
        resource: Found::name(Kind::Postgres, name)?,
        origin: format!("the PostgreSQL service {}", quote(name)),
        needs,
        replaces: None,
        keys,
        roles: vec![role],
        certificate: None,
    })
}
