//! The service file of `jit setup postgres`: an entry for each role of the catalogue's servers, then
//! the user's own services as they stand in their file.
//!
//! libpq takes the first group of a name and reads it up to the next heading, so ours come first,
//! and a heading of nobody stands before what is the user's.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{
    connection::Connection,
    conninfo::Settings,
    material, named_service,
    overlay::{application_of_service, channel_binding, drop_foreign, options_as, ssl_mode},
    place::place,
    roles::smallest,
    service,
    target::is_at,
};
use crate::domain::{
    catalogue::{Catalogue, PostgresIssuer, PostgresResource, Resource},
    credential::Secret,
    entitlement::{Entitlement, Kind, ResourceName, RoleName},
    environment::{Environment, Places},
    failure::{Failure, Result},
    lease::Lease,
};

const FIRST: &str =
    "# Made by \"jit setup postgres\", and made anew with each grant: your changes would be lost.";
const CONFIGURATION: &str = "# configuration: ";
const YOURS: &str = "# your own services, behind those of jit: ";
const END: &str = "[the end of the services of jit]";
/// Whom a service logs in as while there is no grant: nobody.
const NOBODY: &str = "jit_no_grant";

/// The service file of `jit setup postgres`.
pub fn file(places: &Places) -> PathBuf {
    places.state.join("setup/pg_service.conf")
}

/// What the file is made from.
pub struct Ground<'a> {
    /// What can be reached.
    pub catalogue: &'a Catalogue,
    /// What is held.
    pub leases: &'a [Lease],
    /// Where the credentials' files are.
    pub places: &'a Places,
    /// The process's surroundings.
    pub environment: &'a Environment,
    /// The user's own file, if there is one.
    pub yours: Option<&'a Path>,
}

/// A service file, and what the user should know about it, one sentence each.
#[derive(Debug, Default)]
pub struct Services {
    /// The file's text.
    pub text: String,
    /// The notes.
    pub notes: Vec<String>,
}

/// Which configuration a service file of ours is made from, and which of the user's files.
#[derive(Debug, PartialEq, Eq)]
pub struct Origin {
    /// The directory of `authority.toml`.
    pub configuration: PathBuf,
    /// The user's own file.
    pub yours: Option<PathBuf>,
}

/// What a file of ours says about itself; `None` where it is not one.
pub fn origin(text: &str) -> Option<Origin> {
    let mut lines = text.lines();
    lines.next().filter(|line| *line == FIRST)?;
    let configuration = lines.next()?.strip_prefix(CONFIGURATION)?.into();
    let yours = lines.next().and_then(|line| line.strip_prefix(YOURS));
    Some(Origin {
        configuration,
        yours: yours.map(PathBuf::from),
    })
}

/// The text of the file; `own` is that of the user's own file.
///
/// # Errors
/// A path cannot be written into it.
pub fn compose(ground: &Ground<'_>, own: &str) -> Result<Services> {
    let mut services = Services::default();
    let configuration = plain(&ground.places.configuration)?;
    services.line(FIRST);
    services.line(&format!("{CONFIGURATION}{configuration}"));
    if let Some(yours) = ground.yours {
        services.line(&format!("{YOURS}{}", plain(yours)?));
    }
    for (name, resource) in ground.catalogue.of_kind(Kind::Postgres) {
        if let Resource::Postgres(resource) = resource {
            services.resource(ground, name, resource)?;
        }
    }
    services.line(END);
    services.text.push_str(own);
    Ok(services)
}

impl Services {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn resource(
        &mut self,
        ground: &Ground<'_>,
        name: &ResourceName,
        resource: &PostgresResource,
    ) -> Result<()> {
        let theirs = ground.theirs(name.name());
        let same = theirs.as_ref().is_none_or(|own| is_same(resource, own));
        let behind = |user: &String| resource.roles.iter().find(|(_, role)| role.role == *user);
        let wished = theirs.as_ref().and_then(|own| own.get("user"));
        let role = match wished.and_then(behind) {
            Some((role, _)) => Ok(role.clone()),
            None => smallest(name, resource).map(|(role, _)| role),
        };
        match (&role, same) {
            (Ok(role), true) => {
                if theirs.is_some() {
                    self.notes.push(format!(
                        "your service {} is the same server, so it uses just-in-time access as {}:{role} now",
                        name.name(),
                        name.name()
                    ));
                }
                let own = theirs.unwrap_or_default();
                self.entry(ground, name.name(), (name, resource, role), own)?;
            }
            (Ok(role), false) => self.notes.push(format!(
                "your service {} is another server and stays yours; use service={}:{role}",
                name.name(),
                name.name()
            )),
            (Err(_), _) => self.notes.push(format!(
                "no role of {name} is the smallest, so name one: service={}:ROLE",
                name.name()
            )),
        }
        for role in resource.roles.keys() {
            let service = format!("{}:{role}", name.name());
            let theirs = ground.theirs(&service);
            if theirs.as_ref().is_none_or(|own| is_same(resource, own)) {
                self.entry(ground, &service, (name, resource, role), Settings::new())?;
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        ground: &Ground<'_>,
        service: &str,
        (name, resource, role): (&ResourceName, &PostgresResource, &RoleName),
        own: Settings,
    ) -> Result<()> {
        let entitlement = Entitlement {
            resource: name.clone(),
            role: role.clone(),
        };
        let mut settings = own;
        let (mode, binding) = (
            settings.remove("sslmode"),
            settings.remove("channel_binding"),
        );
        drop_foreign(&mut settings, resource);
        target(&mut settings, resource);
        let root = settings.get("sslrootcert").map(String::as_str);
        let mode = ssl_mode(resource, mode.as_deref(), root);
        settings.insert("sslmode".to_owned(), mode.to_owned());
        let binding = channel_binding(resource, mode, binding.as_deref())?;
        settings.insert("channel_binding".to_owned(), binding.to_owned());
        ground.login(&mut settings, resource, &entitlement)?;
        let text = service::write(service, &settings).ok_or_else(|| unwritable(service))?;
        self.text.push_str(&text);
        Ok(())
    }
}

/// Where a service goes, as far as the user's own of that name leaves it open; the variables of a
/// whole shell do not change it.
fn target(settings: &mut Settings, resource: &PostgresResource) {
    let mut ours = named_service::target(resource);
    if let Some(hosts) = settings.get_mut("host") {
        *hosts = spelled(hosts, resource);
        // Its ports are those of its own hosts.
        ours.remove("port");
    }
    for (key, value) in ours {
        settings.entry(key).or_insert(value);
    }
    settings.entry("port".to_owned()).or_default();
    settings.entry("hostaddr".to_owned()).or_default();
}

/// Hosts as the catalogue writes them, by which the password file knows them.
fn spelled(hosts: &str, resource: &PostgresResource) -> String {
    let known = |host: &str| {
        let mut all = resource.hosts.iter().map(|text| place(text).0);
        let plain = host.trim_end_matches('.');
        all.find(|known| known.eq_ignore_ascii_case(plain))
            .unwrap_or(host)
            .to_owned()
    };
    hosts.split(',').map(known).collect::<Vec<_>>().join(",")
}

impl Ground<'_> {
    /// The user's own service of that name, wherever libpq finds it without us.
    fn theirs(&self, service: &str) -> Option<Settings> {
        let mut environment = self.environment.clone();
        let variable = "PGSERVICEFILE";
        match self.yours {
            Some(file) => environment.variables.insert(variable.into(), file.into()),
            None => environment.variables.remove(OsStr::new(variable)),
        };
        service::find(service, &environment).ok()
    }

    /// As whom a service logs in, and with what. Empty parameters keep a whole shell's variables
    /// from being used instead.
    fn login(
        &self,
        settings: &mut Settings,
        resource: &PostgresResource,
        entitlement: &Entitlement,
    ) -> Result<()> {
        let lease = self
            .leases
            .iter()
            .find(|lease| lease.grant.entitlement == *entitlement);
        let behind = resource.roles.get(&entitlement.role);
        let behind = behind.map(|role| role.role.as_str()).unwrap_or_default();
        let directory = material::directory(self.places, entitlement);
        let file = plain(&material::file(&directory, resource.issuer))?;
        let mut put = |key: &str, value: String| settings.insert(key.to_owned(), value);
        match resource.issuer {
            PostgresIssuer::Certificate => {
                put("user", behind.to_owned());
                put("sslcert", file.clone());
                put("sslkey", file);
            }
            PostgresIssuer::DynamicRole => {
                let user = match lease.map(|lease| &lease.credential.secret) {
                    Some(Secret::PostgresRole { role, .. }) => role.as_str(),
                    _ => NOBODY,
                };
                put("user", user.to_owned());
                put("passfile", file);
            }
        }
        put("password", String::new());
        put("gssencmode", "disable".to_owned());
        let grant = application_of_service(lease.map(|lease| &lease.grant.id));
        put("application_name", grant);
        if resource.issuer == PostgresIssuer::DynamicRole {
            let own = settings.get("options").map(String::as_str);
            let options = options_as(own, behind);
            settings.insert("options".to_owned(), options);
        }
        if let Some(root) = &resource.certificate_authority {
            let root = plain(&self.places.configuration.join(root))?;
            settings.insert("sslrootcert".to_owned(), root);
        }
        Ok(())
    }
}

/// Whether a service of the user's goes to the resource.
fn is_same(resource: &PostgresResource, own: &Settings) -> bool {
    let connection = Connection {
        environment: own.clone(),
        ..Connection::default()
    };
    let there = connection
        .hosts()
        .is_ok_and(|hosts| !hosts.is_empty() && hosts.iter().all(|host| is_at(resource, host)));
    let database = own.get("dbname");
    let names = database.is_none_or(|database| resource.databases.contains(database));
    there && (names || resource.databases.is_empty())
}

/// A path as a line of the file can hold it.
fn plain(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .filter(|text| !text.contains(char::is_control));
    text.map(str::to_owned)
        .ok_or_else(|| unwritable(&path.display().to_string()))
}

fn unwritable(what: &str) -> Failure {
    Failure::failed(format!("{what} cannot be written into a service file"))
        .hint("move it to a path of plain UTF-8 text")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn no_variable_of_a_shell_moves_a_service_to_another_server() {
        let directory = tempfile::tempdir().unwrap();
        let yours = directory.path().join("services");
        let own = "[orders]\nhost=db.internal\n";
        #[expect(clippy::disallowed_methods, reason = "a user's own file")]
        fs::write(&yours, own).unwrap();
        let catalogue: Catalogue = toml::from_str(
            "[resources.\"postgres/orders\"]\nhosts = [\"db.internal\"]\nissuer = \"certificate\"\n\
             roles.read = { role = \"orders_ro\" }",
        )
        .unwrap();
        let places = Places {
            configuration: "/c".into(),
            state: "/s".into(),
            cache: "/k".into(),
            runtime: "/r".into(),
            job: None,
        };
        let ground = Ground {
            catalogue: &catalogue,
            leases: &[],
            places: &places,
            environment: &Environment::default(),
            yours: Some(&yours),
        };
        let text = compose(&ground, own).unwrap().text;
        let (ours, _) = text.split_once(END).unwrap();
        for entry in ours.split("\n[").skip(1) {
            for parameter in ["\nhost=", "\nhostaddr=", "\nport="] {
                assert!(entry.contains(parameter), "{parameter:?} in {entry}");
            }
        }
    }
}
