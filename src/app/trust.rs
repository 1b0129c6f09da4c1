//! `jit trust`: what a target's administrator must apply to trust this authority, and what a host
//! shows so that clients trust it.

use std::{path::PathBuf, time::Duration};

use super::{
    embedded::block_on,
    engine::{Engine, Trust},
    session::Session,
};
use crate::{
    authority::trust::HostAsk,
    domain::{
        entitlement::ResourceName,
        failure::{Failure, Result},
        time::Ttl,
    },
    issuers::ssh_host::HostKey,
    platform::files,
};

/// How long a host's certificate holds where nobody says otherwise.
const HOST_TTL: Duration = Duration::from_hours(24 * 365);

/// Print what a target needs to trust this authority
///
/// With --host-key, a host of an ssh resource is vouched for: what is printed lets its sshd show a
/// certificate, by which ssh knows it without ever having seen it ("jit setup ssh"). With --remove, what is
/// printed undoes all of that.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit trust kubernetes/prod | kubectl --context admin apply -f -\n  jit trust ssh/web --host-key web-1.pub --host web-1.example.com | ssh root@web-1 sh\n  jit trust ssh/web --remove | ssh root@web-1 sh"
)]
pub struct Args {
    /// kind/name
    #[arg(value_name = "KIND/NAME")]
    resource: ResourceName,
    /// Only the key or certificate, for scripts.
    #[arg(long)]
    ca: bool,
    /// What undoes it: the target trusts this authority no more.
    #[arg(long, conflicts_with_all = ["ca", "host_key"])]
    remove: bool,
    /// Vouch for the host whose public key is in this file.
    #[arg(long, value_name = "FILE", requires = "host")]
    host_key: Option<PathBuf>,
    /// A name or address that the host is reached by; as many as it has.
    #[arg(long, value_name = "NAME", requires = "host_key")]
    host: Vec<String>,
    /// How long that certificate holds: 90d; a year if not said.
    #[arg(long, value_name = "SPAN", requires = "host_key")]
    ttl: Option<Ttl>,
}

/// Prints it.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let text = match &args.host_key {
        Some(file) => host(args, file, session)?,
        None => block_on(async {
            let engine = Engine::without_policies(session).await?;
            let what = match (args.ca, args.remove) {
                (true, _) => Trust::Authority,
                (false, true) => Trust::Removal,
                (false, false) => Trust::Whole,
            };
            engine.trust(&args.resource, what).await
        })??,
    };
    session.print(text.trim_end())
}

fn host(args: &Args, file: &PathBuf, session: &Session) -> Result<String> {
    let path = session.environment.directory.join(file);
    let text = files::read_text(&path)?.ok_or_else(|| {
        Failure::usage(format!("{} is not there", file.display()))
            .hint("copy the host's /etc/ssh/ssh_host_ed25519_key.pub and name that file")
    })?;
    // A key that is none is told apart here, before anybody is asked.
    let ask = HostAsk {
        key: HostKey::parse(&text)?,
        hosts: args.host.clone(),
        ttl: args.ttl.map_or(HOST_TTL, |ttl| ttl.0),
    };
    let certificate = block_on(async {
        let engine = Engine::without_policies(session).await?;
        engine
            .certify_host(session, &args.resource, &ask, &text)
            .await
    })??;
    Ok(if args.ca {
        certificate.line
    } else {
        certificate.script
    })
}
