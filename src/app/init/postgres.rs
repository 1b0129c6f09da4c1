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
    tools::postgres::services,
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
        keys,
        roles: vec![role],
        certificate: None,
    })
}
