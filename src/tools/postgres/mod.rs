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
pub mod overlay;
pub mod passfile;
pub mod program;
pub mod programs;
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
    let found = target::resource(task, &connection)?;
    let (role, because) = target::role(task, found, &connection)?;
    let resource = found.0.clone();
    let entitlement = Entitlement { resource, role };
    Ok(Recognised::new(entitlement, because))
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

/// The tool with certificate or password injected.
///
/// # Errors
/// The tool is missing (127) or cannot be run (126), or a private file cannot be written (125).
pub fn launch(injection: &Injection<'_>) -> Result<Launch> {
    match injection.resource {
        Resource::Postgres(resource) => launch::launch(injection, resource),
        Resource::Ssh(_) | Resource::Kubernetes(_) | Resource::Aws(_) => {
            Err(Failure::failed("the lease is not for a PostgreSQL server")
                .hint("drop it with \"jit forget\", then try again"))
        }
    }
}
