//! A PostgreSQL tool with its credential injected.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use super::{
    command, connection::Connection, login::Login, material::Material, overlay, place::place,
    programs, service, target::is_at,
};
use crate::{
    domain::{
        catalogue::PostgresResource,
        failure::{Failure, Result},
    },
    platform::process::{self, Launch},
    tools::task::{Injection, Task},
};

/// The only variables that a launch may set, whatever an authority says.
const VARIABLES: [&str; 14] = [
    "PGAPPNAME",
    "PGCHANNELBINDING",
    "PGDATABASE",
    "PGGSSENCMODE",
    "PGHOST",
    "PGOPTIONS",
    "PGPASSFILE",
    "PGPORT",
    "PGSERVICEFILE",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGUSER",
];

/// Secrets of the user's own, and what would keep our credential from being used.
const UNSET: [&str; 6] = [
    "PGCHANNELBINDING",
    "PGHOSTADDR",
    "PGPASSFILE",
    "PGPASSWORD",
    "PGREQUIREAUTH",
    "PGSSLCERTMODE",
];

/// libpq's own programs, which open the credential themselves; others may close what they inherit.
const LIBPQ: [&str; 15] = [
    "clusterdb",
    "createdb",
    "createuser",
    "dropdb",
    "dropuser",
    "pg_basebackup",
    "pg_dump",
    "pg_dumpall",
    "pg_isready",
    "pg_receivewal",
    "pg_restore",
    "pgbench",
    "psql",
    "reindexdb",
    "vacuumdb",
];

/// Prepares the tool.
pub fn launch(injection: &Injection<'_>, resource: &PostgresResource) -> Result<Launch> {
    let task = &injection.task;
    let connection = Connection::of(task)?;
    let lease = injection.lease;
    let hosts = connection.hosts()?;
    let login = Login::of(
        &lease.credential.secret,
        &lease.key,
        servers(task, resource, &connection, &hosts),
    )?;
    let program = task.command.first().map(OsString::as_os_str);
    let program = process::find(program.unwrap_or_default(), task.environment)?;
    let own = cfg!(target_os = "linux") && LIBPQ.contains(&task.program_name());
    let mut material = if own {
        Material::in_memory()
    } else {
        Material::in_files(injection.places, &lease.grant.entitlement)?
    };
    let plan = Plan {
        injection,
        resource,
        connection: &connection,
        login: &login,
    };
    let mut set = plan.target()?;
    set.extend(plan.session());
    set.extend(plan.credential(&mut material)?);
    Ok(Launch {
        program,
        arguments: plan.arguments()?,
        unset: unset(&set),
        set: permitted(set)?,
        inherited: material.inherited,
    })
}

/// The servers that the credential is for: those of the resource, as the catalogue and as the command
/// writes them, and one that the user names beside `--on`, such as the end of a tunnel.
fn servers<'a>(
    task: &Task<'_>,
    resource: &'a PostgresResource,
    connection: &'a Connection,
    hosts: &'a [(String, u16)],
) -> impl Iterator<Item = (&'a str, u16)> {
    let named = connection
        .wish("host")
        .or_else(|| connection.wish("hostaddr"));
    let is_meant = task.on.is_some() && named.is_some();
    let of_command = hosts
        .iter()
        .filter(move |host| is_meant || is_at(resource, host));
    let of_command = of_command.map(|(host, port)| (host.as_str(), *port));
    resource
        .hosts
        .iter()
        .map(|text| place(text))
        .chain(of_command)
}

type Variables = BTreeMap<&'static str, OsString>;

fn permitted(variables: Variables) -> Result<BTreeMap<String, OsString>> {
    let strange = variables.keys().find(|name| !VARIABLES.contains(name));
    if let Some(name) = strange {
        return Err(Failure::failed(format!(
            "{name} may not be set for a PostgreSQL tool"
        )));
    }
    let owned = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Ok(owned.collect())
}

#[derive(Debug)]
struct Plan<'a> {
    injection: &'a Injection<'a>,
    resource: &'a PostgresResource,
    connection: &'a Connection,
    login: &'a Login<'a>,
}

impl Plan<'_> {
    /// Where the connection goes, as far as the command leaves it open. A `PGHOST` of the whole
    /// shell that is not this resource's gives way to it.
    fn target(&self) -> Result<Variables> {
        let mut set = Variables::new();
        let named = self
            .connection
            .wish("host")
            .or_else(|| self.connection.wish("hostaddr"));
        let service = self.connection.of_service("host");
        let hosts = self.connection.hosts()?;
        let there = !hosts.is_empty() && hosts.iter().all(|host| is_at(self.resource, host));
        if named.or(service).is_none() && !there {
            let port = self
                .connection
                .wish("port")
                .and_then(|port| port.parse().ok());
            let places = || self.resource.hosts.iter().map(|text| place(text));
            let fitting = places().find(|(_, at)| port.is_none_or(|port: u16| port == *at));
            if let Some((host, port)) = fitting.or_else(|| places().next()) {
                set.insert("PGHOST", host.into());
                set.insert("PGPORT", port.to_string().into());
            }
        }
        if self.connection.database().is_none() && self.resource.databases.len() == 1 {
            let only = self.resource.databases.iter().next();
            set.extend(only.map(|name| ("PGDATABASE", name.into())));
        }
        set.insert("PGUSER", self.login.role().into());
        Ok(set)
    }

    /// What the server sees of the session: the grant in its log, and for a role made for the grant
    /// the role behind it, so that what it creates belongs to that one.
    fn session(&self) -> Variables {
        let environment = self.injection.task.environment;
        let own = self.connection.of_service("application_name");
        let own = own.or_else(|| environment.text("PGAPPNAME"));
        let mut set = Variables::from([("PGAPPNAME", self.application(own).into())]);
        let options = self.connection.of_service("options");
        let options = options.or_else(|| environment.text("PGOPTIONS"));
        set.extend(self.options(options).map(|o| ("PGOPTIONS", o.into())));
        set
    }

    fn application(&self, own: Option<&str>) -> String {
        let program = self.injection.task.program_name();
        overlay::application(&self.injection.lease.grant.id, own, program)
    }

    fn options(&self, own: Option<&str>) -> Option<String> {
        let role = match self.login {
            Login::Certificate { .. } => None,
            Login::Password { .. } => {
                let role = &self.injection.lease.grant.entitlement.role;
                self.resource.roles.get(role)
            }
        };
        match role {
            Some(role) => Some(overlay::options_as(own, &role.role)),
            None => own.map(str::to_owned),
        }
    }

    fn credential(&self, material: &mut Material) -> Result<Variables> {
        let mode = self.ssl_mode();
        let mut set = Variables::from([
            ("PGSSLMODE", mode.into()),
            ("PGGSSENCMODE", "disable".into()),
        ]);
        let wished = self.wished("channel_binding", "PGCHANNELBINDING").next();
        let binding = overlay::channel_binding(self.resource, mode, wished)?;
        if binding != overlay::UNBOUND {
            set.insert("PGCHANNELBINDING", binding.into());
        }
        let path = material.put_login(self.login)?;
        match self.login {
            Login::Certificate { .. } => {
                set.insert("PGSSLCERT", path.clone());
                set.insert("PGSSLKEY", path);
            }
            Login::Password { .. } => {
                set.insert("PGPASSFILE", path);
            }
        }
        if let Some(root) = self.root() {
            set.insert("PGSSLROOTCERT", root.into());
        }
        if let Some((name, settings)) = &self.connection.service {
            let mut settings = settings.clone();
            overlay::drop_foreign(&mut settings, self.resource);
            settings.retain(|key, _| !["application_name", "options"].contains(&key.as_str()));
            let text = service::write(name, &settings).ok_or_else(|| {
                Failure::usage(format!("the service {name:?} cannot be read"))
                    .hint("correct it in pg_service.conf")
            })?;
            let path = material.put("pg_service.conf", text.as_bytes())?;
            set.insert("PGSERVICEFILE", path);
        }
        Ok(set)
    }

    fn root(&self) -> Option<PathBuf> {
        let own = self.resource.certificate_authority.as_deref();
        own.map(|path| self.injection.places.configuration.join(path))
    }

    fn ssl_mode(&self) -> &'static str {
        let root = self.wished("sslrootcert", "PGSSLROOTCERT").next();
        overlay::ssl_mode(self.resource, self.wished("sslmode", "PGSSLMODE"), root)
    }

    /// What the user wants of a parameter, the nearest word first: the command's, the service's, the
    /// variable's.
    fn wished(&self, key: &str, variable: &str) -> impl Iterator<Item = &str> {
        let wished = [
            self.connection.wish(key),
            self.connection.of_service(key),
            self.injection.task.environment.text(variable),
        ];
        wished.into_iter().flatten()
    }

    fn arguments(&self) -> Result<Vec<OsString>> {
        let task = &self.injection.task;
        let Some(program) = programs::named(task.program_name()) else {
            return Ok(task.arguments().to_vec());
        };
        command::rewrite(program, task.arguments(), self.login.role(), |settings| {
            overlay::drop_foreign(settings, self.resource);
            for (key, value) in [
                (
                    "application_name",
                    Some(self.application(settings.get("application_name").map(String::as_str))),
                ),
                (
                    "options",
                    self.options(settings.get("options").map(String::as_str)),
                ),
            ] {
                if settings.contains_key(key) {
                    settings.extend(value.map(|value| (key.to_owned(), value)));
                }
            }
        })
    }
}

fn unset(set: &Variables) -> Vec<String> {
    let kept = |name: &&&str| match **name {
        // It names the address of the PGHOST that stays.
        "PGHOSTADDR" => set.contains_key("PGHOST"),
        name => !set.contains_key(name),
    };
    UNSET
        .iter()
        .filter(kept)
        .map(|name| (*name).to_owned())
        .collect()
}
