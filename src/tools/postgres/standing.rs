//! Standing credentials for our servers that lie around on this machine: what `jit` could replace.

use std::path::{Path, PathBuf};

use super::{
    connection::{self, Connection},
    conninfo::Settings,
    service, services,
    target::is_at,
};
use crate::{
    domain::{
        catalogue::{Catalogue, PostgresResource, Resource},
        entitlement::{Kind, ResourceName},
        environment::Environment,
        failure::Result,
    },
    platform::files,
};

/// A standing password, without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The resource that it opens; `None` where it would be sent to any server.
    pub resource: Option<ResourceName>,
    /// Where it is: a file with its line or service, or a variable.
    pub place: String,
    /// For whom and for what: `alice at db.internal:5432/orders`; a `*` stands for any.
    pub opens: String,
}

/// The passwords of `PGPASSWORD`, of the password file (`PGPASSFILE`, `~/.pgpass`) and of the user's
/// service files that are for servers of the catalogue.
///
/// # Errors
/// A file is there and cannot be read.
pub fn find(catalogue: &Catalogue, environment: &Environment) -> Result<Vec<Standing>> {
    let mut found = Vec::new();
    if environment.value("PGPASSWORD").is_some() {
        found.push(Standing {
            resource: None,
            place: "PGPASSWORD".to_owned(),
            opens: "whatever psql connects to".to_owned(),
        });
    }
    let named = environment.value("PGPASSFILE");
    let named = named.map(|file| environment.directory.join(file));
    if let Some(file) = named.or_else(|| environment.in_home(".pgpass")) {
        found.extend(in_password_file(catalogue, &file)?);
    }
    for file in service::candidates(environment) {
        found.extend(in_service_file(catalogue, file)?);
    }
    Ok(found)
}

fn ours(catalogue: &Catalogue) -> impl Iterator<Item = (&ResourceName, &PostgresResource)> {
    let all = catalogue.of_kind(Kind::Postgres);
    all.filter_map(|(name, resource)| match resource {
        Resource::Postgres(resource) => Some((name, resource)),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Aws(_) => None,
    })
}

/// Text of a file that may not be UTF-8: a password need not be.
fn text(file: &Path) -> Result<String> {
    let bytes = files::read(file)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `host:port:database:user:password` (libpq, 34.16).
fn in_password_file(catalogue: &Catalogue, file: &Path) -> Result<Vec<Standing>> {
    let text = text(file)?;
    let lines = text.lines().enumerate();
    let entries = lines.filter_map(|(number, line)| Some((number + 1, entry(line)?)));
    Ok(entries
        .flat_map(|(number, [host, port, database, user])| {
            let place = format!("{} line {number}", file.display());
            let opens = format!("{user} at {host}:{port}/{database}");
            let matching = ours(catalogue).filter(move |(_, resource)| {
                let is_there = resource.hosts.iter().any(|text| {
                    let (own, at) = connection::place(text);
                    (host == "*" || own.eq_ignore_ascii_case(&host))
                        && (port == "*" || port == at.to_string())
                });
                let databases = &resource.databases;
                is_there
                    && (database == "*" || databases.is_empty() || databases.contains(&database))
            });
            matching.map(move |(name, _)| Standing {
                resource: Some(name.clone()),
                place: place.clone(),
                opens: opens.clone(),
            })
        })
        .collect())
}

/// The fields before the password of an entry that has one.
fn entry(line: &str) -> Option<[String; 4]> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if fields.len() == 5 {
            break;
        }
        match character {
            ':' => fields.push(String::new()),
            '\\' => fields.last_mut()?.extend(characters.next()),
            other => fields.last_mut()?.push(other),
        }
    }
    (fields.len() == 5).then(|| fields.truncate(4))?;
    fields.try_into().ok()
}

fn in_service_file(catalogue: &Catalogue, file: PathBuf) -> Result<Vec<Standing>> {
    let mut text = text(&file)?;
    let mut file = file;
    if let Some(origin) = services::origin(&text) {
        let Some(yours) = origin.yours else {
            return Ok(Vec::new());
        };
        text = self::text(&yours)?;
        file = yours;
    }
    Ok(service::groups(&text)
        .into_iter()
        .filter(|(_, settings)| settings.get("password").is_some_and(|p| !p.is_empty()))
        .flat_map(|(service, settings)| {
            let place = format!("{} service {service}", file.display());
            at(catalogue, settings)
                .into_iter()
                .map(move |(name, opens)| Standing {
                    resource: Some(name),
                    place: place.clone(),
                    opens,
                })
        })
        .collect())
}

/// The resources that a service's hosts are at, and what it opens there.
fn at(catalogue: &Catalogue, settings: Settings) -> Vec<(ResourceName, String)> {
    let or_any = |key: &str| settings.get(key).cloned().unwrap_or_else(|| "*".to_owned());
    let (user, database) = (or_any("user"), or_any("dbname"));
    let connection = Connection {
        environment: settings,
        ..Connection::default()
    };
    let hosts = connection.hosts().unwrap_or_default();
    let there = ours(catalogue).filter_map(|(name, resource)| {
        let host = hosts.iter().find(|host| is_at(resource, host))?;
        Some((
            name.clone(),
            format!("{user} at {}:{}/{database}", host.0, host.1),
        ))
    });
    there.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CATALOGUE: &str = r#"
[resources."postgres/orders"]
hosts = ["db.internal", "[::1]:5433"]
databases = ["orders"]
issuer = "certificate"
roles.read = { role = "orders_ro" }
"#;

    #[expect(clippy::disallowed_methods, reason = "a user's own files")]
    #[test]
    fn what_opens_our_servers_is_found_and_no_password_is_told() {
        let home = tempfile::tempdir().unwrap();
        let passwords = "# db.internal:*:*:a:x\nDB.internal:5432:orders:alice:hunter2\n\
            other:*:*:*:hunter2\n*:*:*:any\\:one:hunter2\n\\:\\:1:5433:*:bob:hun:ter2\n\
            db.internal:5432:stock:alice:hunter2\ndb.internal:5432\n";
        fs::write(home.path().join(".pgpass"), passwords).unwrap();
        let services = "[mine]\nhost=db.internal\npassword=hunter2\nuser=carol\n[none]\nhost=db.internal\n[far]\nhost=far\npassword=hunter2\n";
        fs::write(home.path().join(".pg_service.conf"), services).unwrap();
        let environment = Environment {
            home: Some(home.path().to_owned()),
            variables: [("PGPASSWORD".into(), "hunter2".into())].into(),
            ..Environment::default()
        };
        let found = find(&toml::from_str(CATALOGUE).unwrap(), &environment).unwrap();
        assert!(!format!("{found:?}").contains("hun"), "{found:?}");
        let opens: Vec<&str> = found.iter().map(|one| one.opens.as_str()).collect();
        assert_eq!(
            opens,
            [
                "whatever psql connects to",
                "alice at DB.internal:5432/orders",
                "any:one at *:*/*",
                "bob at ::1:5433/*",
                "carol at db.internal:5432/*",
            ]
        );
        assert!(found[1].place.ends_with(".pgpass line 2"), "{found:?}");
        assert!(
            found[4].place.ends_with(".pg_service.conf service mine"),
            "{found:?}"
        );
    }
}
