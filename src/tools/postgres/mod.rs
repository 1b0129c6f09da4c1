//! psql and libpq's other programs, and with `--on` any other command that reaches PostgreSQL through libpq's conventions.
//!
//! A certificate is mapped to a database role; a dynamic role comes with a password. Neither is
//! ever in the arguments or the environment: libpq reads both from files, in memory where it can.

pub mod command;
pub mod connection;
pub mod conninfo;
pub mod launch;
pub mod login;
pub mod material;
pub mod named_service;
pub mod overlay;
pub mod passfile;
pub mod place;
pub mod program;
pub mod programs;
pub mod roles;
pub mod service;
pub mod services;
pub mod standing;
pub mod target;

#[cfg(test)]
mod tests;

use connection::Connection;

use super::task::{Injection, Recognised, Task};
use crate::{
    domain::{
        catalogue::Resource,
        entitlement::Entitlement,
        failure::{Failure, Result},
    },
    platform::process::Launch,
};

/// Which resource and role the command's connection means.
///
/// # Errors
/// Usage, where it names nothing, something unknown or something ambiguous.
pub fn recognise(task: &Task<'_>) -> Result<Recognised> {
    let connection = Connection::of(task)?;
    // Without a host the plain tool goes to this machine.
    let only_by_prefix = task.on.is_none() && !connection.names_host();
    let found = target::resource(task, &connection)
        .and_then(|found| Ok((found.0, target::role(task, found, &connection)?)));
    let (resource, (role, because)) = match found {
        Err(failure) if only_by_prefix => return Err(failure.stranger()),
        found => found?,
    };
    let entitlement = Entitlement {
        resource: resource.clone(),
        role,
    };
    Ok(Recognised {
        only_by_prefix,
        ..Recognised::new(entitlement, because)
    })
}

/// Whether a program's name says that it connects to PostgreSQL.
pub fn is_ours(program: &str) -> bool {
    program == IS_READY || programs::named(program).is_some()
}

/// It asks whether a server answers, for which nobody has to log in.
const IS_READY: &str = "pg_isready";

/// Whether the command needs no credential.
pub fn needs_nothing(task: &Task<'_>) -> bool {
    match programs::named(task.program_name()) {
        Some(program) => command::needs_nothing(program, task.arguments()),
        None => task.program_name() == IS_READY,
    }
}

/// Takes away a `PGSERVICEFILE` that names the file of `jit setup postgres`, where the command uses no
/// service: some drivers refuse to start with the variable.
pub fn without_own_services(injection: &Injection<'_>, launch: &mut Launch) {
    const VARIABLE: &str = "PGSERVICEFILE";
    let environment = injection.task.environment;
    let named = environment.value(VARIABLE);
    let is_ours = named
        .is_some_and(|file| environment.directory.join(file) == services::file(injection.places));
    if is_ours && !launch.set.contains_key(VARIABLE) {
        launch.unset.push(VARIABLE.to_owned());
    }
}

/// The tool with certificate or password injected.
///
/// # Errors
/// The tool is missing (127) or cannot be run (126), or a private file cannot be written (125).
pub fn launch(injection: &Injection<'_>) -> Result<Launch> {
    match injection.resource {
        Resource::Postgres(resource) => launch::launch(injection, resource),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Aws(_) => {
            Err(Failure::failed("the lease is not for a PostgreSQL server")
                .hint("drop it with \"jit forget --all\", then try again"))
        }
    }
}
