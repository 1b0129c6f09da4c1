//! `jit exec`, top to bottom: recognise → lease → launch → replace this process.

use std::ffi::OsString;

use super::{
    acquire::{self, Terms},
    session::Session,
};
use crate::{
    domain::{
        entitlement::{ResourceName, RoleName},
        failure::Result,
        lease::Lease,
    },
    tools::{
        self,
        task::{Injection, Recognised, Task},
    },
};

/// Run a command with exactly the access that it needs, for as long as it needs it
///
/// Works out which entitlement the command needs, takes the cached lease or asks the authority for
/// one, and replaces itself with the command, the ephemeral credential injected.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit exec -- kubectl --context prod get pods\n  jit exec --on postgres/orders -- pg_dump orders"
)]
pub struct Args {
    /// Use this role instead of the smallest that the command needs.
    #[arg(long)]
    role: Option<RoleName>,
    /// Reach this resource, whatever the command says: kind/name.
    #[arg(long, value_name = "KIND/NAME")]
    on: Option<ResourceName>,
    #[command(flatten)]
    terms: Terms,
    /// The command and its arguments.
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Comes back only with the reason why the command could not be run.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let catalogue = session.catalogue()?;
    let task = Task {
        command: &args.command,
        on: args.on.as_ref(),
        role: args.role.as_ref(),
        catalogue: &catalogue,
        environment: &session.environment,
    };
    if tools::needs_nothing(&task) {
        session.tell("this command reaches nothing, so it is run as it is");
        return Err(tools::as_it_is(&task)?.replace());
    }
    let wanted = tools::recognise(&task)?;
    session.tell(&format!("{}: {}", wanted.entitlement, wanted.because));
    let resource = catalogue.resource(&wanted.entitlement.resource)?;
    let lease = acquire::lease(session, &wanted, &args.terms, Some(task.program_name()))?;
    let via = via(session, args, &wanted, task.program_name())?;
    let launch = tools::launch(&Injection {
        task,
        resource,
        lease: &lease,
        via: &via,
        is_hooked: wanted.is_hooked,
        places: &session.places,
        now: (session.clock)(),
    })?;
    Err(launch.replace())
}

/// The leases of what the command passes through.
fn via(session: &Session, args: &Args, wanted: &Recognised, tool: &str) -> Result<Vec<Lease>> {
    let through = wanted.via.iter().map(|entitlement| {
        let passed = Recognised::new(
            entitlement.clone(),
            format!("{tool} passes through it to {}", wanted.entitlement),
        );
        session.tell(&format!("{entitlement}: {}", passed.because));
        acquire::lease(session, &passed, &args.terms, Some(tool))
    });
    through.collect()
}
