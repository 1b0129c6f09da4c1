//! `jit credential-process`: the program that AWS SDKs call for credentials.

use super::{
    acquire::{self, Terms},
    session::Session,
};
use crate::{
    domain::{
        entitlement::{Entitlement, Kind},
        failure::Result,
    },
    tools::{aws, task::Recognised},
};

/// Print credentials for the AWS SDKs; called by an AWS profile
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit credential-process aws/prod:read")]
pub struct Args {
    /// aws/NAME:ROLE
    entitlement: Entitlement,
}

/// Prints a fresh lease's credential as the SDKs read it, version 1.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    if args.entitlement.resource.kind() != Kind::Aws {
        return Err(aws::not_an_account(&args.entitlement));
    }
    let wanted = Recognised::new(args.entitlement.clone(), "asked for by an AWS profile");
    let lease = acquire::lease(session, &wanted, &Terms::of_a_hook(), Some("aws"))?;
    session.print(&aws::process_credentials(&lease)?)
}
