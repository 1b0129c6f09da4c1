//! `jit list`: what one could have, how sensitive it is, what it takes, and for how long.

use std::time::Duration;

use super::{
    embedded::{self, Keys, block_on},
    engine::Engine,
    session::Session,
};
use crate::{
    domain::{entitlement::Kind, failure::Result, time::Ttl},
    platform::terminal,
    protocol::entitlement::{DecidedBy, EntitlementView},
    remote::patience::Patience,
};

/// List what you could have, and what each entitlement takes
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit list --kind kubernetes")]
pub struct Args {
    /// Only resources of this kind: ssh, kubernetes, postgres or aws.
    #[arg(long)]
    kind: Option<Kind>,
}

/// Lists what policy could give to whoever runs this.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let mut all = block_on(available(session))??;
    let wanted = |view: &EntitlementView| {
        let kind = view.entitlement.resource.kind();
        args.kind.is_none_or(|wanted| wanted == kind)
    };
    all.retain(wanted);
    if session.json {
        return all.iter().try_for_each(|view| session.print_json(view));
    }
    if all.is_empty() {
        return session.print(match session.server()? {
            None if session.catalogue()?.resources.0.is_empty() => {
                "The catalogue is empty; this proposes one: jit init"
            }
            None => {
                "No policy gives you anything here; this says why: jit policy explain KIND/NAME:ROLE"
            }
            Some(_) => {
                "No policy gives you anything here; ask whoever runs the server, where jit policy explain says why"
            }
        });
    }
    let widths = all.iter().map(|view| view.entitlement.to_string().len());
    let width = widths.max().unwrap_or_default();
    all.iter()
        .try_for_each(|view| session.print(&terminal::plain_line(&line(view, width))))
}

async fn available(session: &Session) -> Result<Vec<EntitlementView>> {
    match Engine::open(session, Patience::PERSON).await? {
        Engine::Embedded(authority) => {
            let client = embedded::client(session, &authority, None, &Keys::new()?)?;
            Ok(authority.available(&client))
        }
        Engine::Remote(remote) => remote.entitlements().await,
    }
}

fn line(view: &EntitlementView, width: usize) -> String {
    format!(
        "{:width$}  {:<9}  up to {:<4}  {}",
        view.entitlement.to_string(),
        view.tier.as_str(),
        Ttl(Duration::from_secs(view.ttl)).to_string(),
        takes(view),
    )
}

fn takes(view: &EntitlementView) -> String {
    let reason = if view.justification {
        ", with -j WHY"
    } else {
        ""
    };
    match view.decided_by {
        DecidedBy::Policy => format!("granted at once{reason}"),
        DecidedBy::People => {
            let people = match view.approvals {
                1 => "one person approves".to_owned(),
                many => format!("{many} people approve"),
            };
            format!("{people}{reason}")
        }
        DecidedBy::SignIn => format!("after a new sign-in (jit login --fresh){reason}"),
        DecidedBy::BreakGlass => format!("in an emergency, with --break-glass{reason}"),
    }
}
