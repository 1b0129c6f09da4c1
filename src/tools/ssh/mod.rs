//! ssh, scp, sftp, rsync and git over ssh, and with `--on` any other command that ends in ssh.
//!
//! The key and its certificate are in a private agent that outlives this process and ends with the
//! tool, so that no key touches the disk, and jumps, copies and children find it too.

pub mod aliases;
pub mod call;
pub mod destination;
pub mod git;
pub mod handover;
pub mod identities;
pub mod jump;
pub mod launch;
pub mod logins;
pub mod private_config;
pub mod recognise;
pub mod resolve;
pub mod rsync;
pub mod setup;
pub mod shared;
pub mod target;

use super::task::{Injection, Recognised, Task};
use crate::{
    domain::{
        catalogue::Resource,
        failure::{Failure, Result},
    },
    platform::process::Launch,
};

/// Which resource and role the command logs in to.
///
/// # Errors
/// Usage, where it names nothing, something unknown or something ambiguous; what ssh or git say
/// about their own configuration.
pub fn recognise(task: &Task<'_>) -> Result<Recognised> {
    recognise::recognise(task)
}

/// Whether the program names the host that it logs in to on its command line.
pub fn names_its_host(task: &Task<'_>) -> bool {
    matches!(task.program_name(), "ssh" | "scp" | "sftp" | "rsync")
}

/// Whether ssh only says what it is, or what it would do: `-V`, `-Q`, `-G`.
pub fn only_says(task: &Task<'_>) -> bool {
    task.program_name() == "ssh" && call::only_says(task.arguments())
}

/// The tool with the private agent injected.
///
/// # Errors
/// The tool is missing (127) or cannot be run (126), or the agent cannot be started (125).
pub fn launch(injection: &Injection<'_>) -> Result<Launch> {
    match injection.resource {
        Resource::Ssh(_) => launch::launch(injection),
        Resource::Kubernetes(_) | Resource::Postgres(_) | Resource::Aws(_) => {
            Err(Failure::failed("the lease is not for ssh hosts")
                .hint("drop it with \"jit forget --all\", then try again"))
        }
    }
}
