//! `jit credential-process`: the program that AWS SDKs call for credentials.

use super::{
    acquire::{self, Terms},
    confirm, served,
    session::Session,
};
use crate::{
    domain::{
        entitlement::{Entitlement, Kind},
        failure::Result,
        lease::Lease,
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
    let stamp = session.catalogue_stamp()?;
    let lease = match acquire::compared(session, &wanted, &stamp)? {
        // What is asked about before it is used goes the other way.
        Some(lease) if !confirm::is_due(session, &lease) => lease,
        Some(_) | None => compared_now(session, &wanted, &stamp)?,
    };
    session.print(&aws::process_credentials(&lease)?)
}

/// The lease for the account that the catalogue has now. The stamp is older than that reading, so that
/// a change in between is seen by the next call.
fn compared_now(session: &Session, wanted: &Recognised, stamp: &str) -> Result<Lease> {
    let catalogue = served::or_anew(session, || {
        let catalogue = session.catalogue_to_look_up()?;
        catalogue.tier(&wanted.entitlement)?;
        Ok(catalogue)
    })?;
    let terms = Terms::of_a_hook();
    let lease = acquire::lease(session, &catalogue, wanted, &terms, Some("aws"))?;
    acquire::note_compared(session, &lease, stamp);
    Ok(lease)
}
