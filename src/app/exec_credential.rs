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
/// The kubeconfig has to say which cluster it is for (provideClusterInfo: true); the token is given for
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
    let (catalogue, wanted) = served::or_anew(session, || {
        let catalogue = session.catalogue_to_look_up()?;
        let wanted = kubernetes::wanted(&question, named, role, &session.places, &catalogue)?;
        Ok((catalogue, wanted))
    })?;
    let terms = Terms::of_a_hook();
    let lease = acquire::lease(session, &catalogue, &wanted, &terms, Some("kubectl"))?;
    session.print(&kubernetes::exec_credential(&lease, &question)?)
}
