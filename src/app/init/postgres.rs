//! Databases from the services of `pg_service.conf`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    forges::TRUST,
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
    let found = sections.iter();
    Ok(found
        .filter_map(|section| service(section, environment))
        .collect())
}

/// Servers for which `~/.pgpass` holds a password.
pub(super) fn passwords(environment: &Environment) -> Result<Vec<Found>> {
    let entries = passfile::read(environment)?;
    let found = entries.iter();
    Ok(found
        .filter_map(|entry| password(entry, environment))
        .collect())
}

fn password(entry: &passfile::Entry, environment: &Environment) -> Option<Found> {
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
    let found = service(&(name, settings), environment)?;
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

/// How a service verifies its server, as the catalogue can say it: by the file of an authority.
struct Verification {
    authority: Option<PathBuf>,
    /// What the service verifies by and the catalogue cannot name.
    missing: Option<&'static str>,
}

/// A service that verifies its server is not proposed as one that does not.
fn verification(settings: &BTreeMap<String, String>, environment: &Environment) -> Verification {
    let named = settings.get("sslrootcert").filter(|name| !name.is_empty());
    let mode = settings.get("sslmode").map(String::as_str);
    let verifies = matches!(mode, Some("verify-ca" | "verify-full"));
    if named.is_some_and(|name| name == "system") {
        let missing = "the file of the authority that certificate_authority names, in the place of sslrootcert=system";
        return Verification {
            authority: None,
            missing: Some(missing),
        };
    }
    let usual = environment.in_home(".postgresql/root.crt");
    let file = match named {
        Some(name) => Some(environment.directory.join(name)),
        None => usual.filter(|file| verifies || file.is_file()),
    };
    let authority = file.filter(|file| file.is_file());
    let missing = (verifies && authority.is_none()).then_some(
        "the file of the authority that the service verifies its server by (certificate_authority)",
    );
    Verification { authority, missing }
}

fn service(
    (name, settings): &(String, BTreeMap<String, String>),
    environment: &Environment,
) -> Option<Found> {
    let host = settings.get("host").or_else(|| settings.get("hostaddr"))?;
    let host = match settings.get("port") {
        Some(port) if host.contains(':') => format!("[{host}]:{port}"),
        Some(port) => format!("{host}:{port}"),
        None => host.clone(),
    };
    let mut keys = vec![("hosts", list([host.as_str()]))];
    let database = settings.get("dbname");
    keys.extend(database.map(|database| ("databases", list([database.as_str()]))));
    let verified = verification(settings, environment);
    let authority = verified.authority.as_deref().and_then(Path::to_str);
    keys.extend(authority.map(|file| ("certificate_authority", quote(file))));
    keys.push(("issuer", quote("certificate")));
    let user = settings.get("user");
    let named = user.and_then(|user| Some((user.parse::<RoleName>().ok()?, user)));
    let (role, needs) = match named {
        Some((name, user)) => (
            (name, role(&[("role", user)], tier_of(user))),
            TRUST.to_owned(),
        ),
        None => (
            (
                "read".parse().ok()?,
                role(&[("role", "ROLE")], tier_of("read")),
            ),
            format!("the database role, instead of ROLE, and {TRUST}"),
        ),
    };
    let needs = match verified.missing {
        Some(missing) => format!("{missing}, and {needs}"),
        None => needs,
    };
    Some(Found {
        resource: Found::name(Kind::Postgres, name)?,
        origin: format!("the PostgreSQL service {}", quote(name)),
        needs: Some(needs),
        replaces: None,
        keys,
        roles: vec![role],
        certificate: None,
    })
}
