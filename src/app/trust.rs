//! `jit trust`: what a target's administrator must apply to trust this authority.

use super::{
    embedded::{block_on, without_policies},
    session::Session,
};
use crate::domain::{entitlement::ResourceName, failure::Result};

/// Print what a target needs to trust this authority
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit trust kubernetes/prod | kubectl --context admin apply -f -"
)]
pub struct Args {
    /// kind/name
    #[arg(value_name = "KIND/NAME")]
    resource: ResourceName,
    /// Only the key or certificate, for scripts.
    #[arg(long)]
    ca: bool,
}

/// Prints it.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let text = block_on(async {
        let authority = without_policies(session).await?;
        if args.ca {
            authority.trust_ca(&args.resource).await
        } else {
            authority.trust(&args.resource).await
        }
    })??;
    session.print(text.trim_end())
}
