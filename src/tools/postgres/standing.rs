//! Passwords in the user's own service files: for which servers there are some, not which.

use std::path::{Path, PathBuf};

use super::{connection::Connection, conninfo::Settings, service, services, target::is_at};
use crate::{
    domain::{catalogue::PostgresResource, environment::Environment, failure::Result},
    platform::files,
};

/// A service with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The file that it is in.
    pub file: PathBuf,
    /// Its name.
    pub service: String,
    hosts: Vec<(String, u16)>,
}

impl Standing {
    /// Whether one of its hosts is that server.
    pub fn is_for(&self, server: &PostgresResource) -> bool {
        self.hosts.iter().any(|host| is_at(server, host))
    }
}

/// The services with a password, in the files where libpq looks for services.
///
/// # Errors
/// A file is there and cannot be read.
pub fn find(environment: &Environment) -> Result<Vec<Standing>> {
    let mut found = Vec::new();
    for file in service::candidates(environment) {
        found.extend(in_file(file)?);
    }
    Ok(found)
}

/// Text of a file that may not be UTF-8: a password need not be.
fn text(file: &Path) -> Result<String> {
    let bytes = files::read(file)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// In our own file only the user's part counts, which is read where it comes from.
fn in_file(file: PathBuf) -> Result<Vec<Standing>> {
    let own = text(&file)?;
    let (file, text) = match services::origin(&own) {
        None => (file, own),
        Some(origin) => match origin.yours {
            Some(yours) => (yours.clone(), text(&yours)?),
            None => return Ok(Vec::new()),
        },
    };
    let has_password = |settings: &Settings| {
        settings
            .get("password")
            .is_some_and(|word| !word.is_empty())
    };
    let groups = service::groups(&text).into_iter();
    Ok(groups
        .filter(|(_, settings)| has_password(settings))
        .map(|(service, settings)| Standing {
            file: file.clone(),
            service,
            hosts: hosts(settings),
        })
        .collect())
}

fn hosts(settings: Settings) -> Vec<(String, u16)> {
    let connection = Connection {
        environment: settings,
        ..Connection::default()
    };
    connection.hosts().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::catalogue::{Catalogue, Resource};

    const CATALOGUE: &str = r#"
[resources."postgres/orders"]
hosts = ["db.internal"]
issuer = "certificate"
roles.read = { role = "orders_ro" }
"#;

    #[expect(clippy::disallowed_methods, reason = "a user's own file")]
    #[test]
    fn a_service_with_a_password_for_our_server_is_found_and_the_password_is_not_told() {
        let home = tempfile::tempdir().unwrap();
        let services = "[mine]\nhost=db.internal\npassword=hunter2\nuser=carol\n[none]\nhost=db.internal\n[far]\nhost=far\npassword=hunter2\n";
        fs::write(home.path().join(".pg_service.conf"), services).unwrap();
        let environment = Environment {
            home: Some(home.path().to_owned()),
            ..Environment::default()
        };
        let catalogue: Catalogue = toml::from_str(CATALOGUE).unwrap();
        let name = "postgres/orders".parse().unwrap();
        let Resource::Postgres(server) = catalogue.resource(&name).unwrap() else {
            panic!("another kind");
        };
        let found = find(&environment).unwrap();
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
        let names: Vec<(&str, bool)> = found
            .iter()
            .map(|one| (one.service.as_str(), one.is_for(server)))
            .collect();
        assert_eq!(names, [("mine", true), ("far", false)]);
        assert!(found[0].file.ends_with(".pg_service.conf"), "{found:?}");
    }
}
