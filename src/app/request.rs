//! `jit request`: a lease ahead of its use, so that the command that needs it does not wait.

use super::{
    acquire::{self, Terms},
    served,
    session::Session,
};
use crate::{
    domain::{entitlement::Entitlement, failure::Result},
    tools::task::Recognised,
};

/// Ask for an entitlement now, for a command to come
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit request postgres/orders:write -j \"fix order 4711\" --ttl 30m"
)]
pub struct Args {
    /// kind/name:role
    entitlement: Entitlement,
    #[command(flatten)]
    terms: Terms,
}

/// Asks, keeps the lease and says until when it holds.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let catalogue = served::or_anew(session, || {
        let catalogue = session.catalogue()?;
        catalogue.tier(&args.entitlement)?;
        Ok(catalogue)
    })?;
    let wanted = Recognised::new(args.entitlement.clone(), "asked for by name");
    let lease = acquire::lease(session, &catalogue, &wanted, &args.terms, None)?;
    super::status::show(session, &[lease])
}
