//! `jit exec-credential`: the plugin that a kubeconfig calls (client.authentication.k8s.io).

use super::{
    acquire::{self, Terms},
    served,
    session::Session,
};
use crate::{
    domain::{
        entitlement::{Entitlement, RoleName},
        failure::Result,
    },
    tools::kubernetes::{self, Question},
};

/// Print a token for kubectl and its kin; called by a kubeconfig
///
/// Where the kubeconfig says which cluster it is for (provideClusterInfo), the token is given for
/// that cluster alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit exec-credential kubernetes/prod:view")]
pub struct Args {
    /// kubernetes/NAME:ROLE; without it, the cluster that the kubeconfig is for.
    entitlement: Option<Entitlement>,
    /// The role there, instead of the smallest that reads.
    #[arg(long, conflicts_with = "entitlement")]
    role: Option<RoleName>,
}

/// Prints the `ExecCredential` of a fresh lease.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let question = Question::asked(&session.environment)?;
    let (named, role) = (args.entitlement.as_ref(), args.role.as_ref());
    let places = &session.places;
    let wanted = served::or_anew(session, || {
        kubernetes::wanted(&question, named, role, places, || session.catalogue())
    })?;
    let lease = acquire::lease(session, &wanted, &Terms::of_a_hook(), Some("kubectl"))?;
    session.print(&kubernetes::exec_credential(&lease, &question)?)
}
