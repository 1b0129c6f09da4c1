//! `jit exec-credential`: the plugin that a kubeconfig calls (client.authentication.k8s.io).

use super::{
    acquire::{self, Terms},
    session::Session,
};
use crate::{
    domain::{
        entitlement::{Entitlement, Kind},
        failure::Result,
    },
    tools::{kubernetes, task::Recognised},
};

/// Print a token for kubectl and its kin; called by a kubeconfig
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit exec-credential kubernetes/prod:view")]
pub struct Args {
    /// kubernetes/NAME:ROLE
    entitlement: Entitlement,
}

/// Prints the `ExecCredential` of a fresh lease.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    if args.entitlement.resource.kind() != Kind::Kubernetes {
        return Err(kubernetes::not_a_cluster(&args.entitlement));
    }
    let wanted = Recognised::new(args.entitlement.clone(), "asked for by a kubeconfig");
    let lease = acquire::lease(session, &wanted, &Terms::of_a_hook(), Some("kubectl"))?;
    session.print(&kubernetes::exec_credential(&lease, &session.environment)?)
}
