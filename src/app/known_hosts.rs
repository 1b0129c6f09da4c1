//! `jit known-hosts`: the hook that ssh calls before it logs in (`KnownHostsCommand` of `ssh_config(5)`).
//!
//! ssh calls it once it is connected and before it authenticates, ends where it fails, and reads its
//! stdout as lines of `known_hosts`. So by the time that ssh asks the agent, a lease is behind it.

use std::path::{Path, PathBuf};

use super::{
    acquire::{self, Terms},
    confirm, served,
    session::Session,
};
use crate::{
    config::places::SESSION,
    domain::{
        entitlement::ResourceName,
        failure::{Code, Failure, Nature, Result},
    },
    platform::files,
    tools::{
        ssh::{
            resolve::Resolved,
            setup, shared,
            target::{self, Found},
        },
        task::Recognised,
    },
};

/// Get a log-in ready and print host authorities; called by ssh
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit known-hosts ssh/web --user=deploy --host=web-1.example.com --alias=web --agent=/home/alice/.cache/jit/run/ssh,0123abcd/web/deploy/s"
)]
pub struct Args {
    /// ssh/NAME
    resource: ResourceName,
    /// The agent that ssh is going to ask, for this login; without it, only lines are printed.
    #[arg(long, value_name = "SOCKET", requires_all = ["user", "host", "alias"])]
    agent: Option<PathBuf>,
    /// The login name, ssh's %r.
    #[arg(long)]
    user: Option<String>,
    /// The host that ssh connects to, its %h.
    #[arg(long)]
    host: Option<String>,
    /// The host as it was named, ssh's %n.
    #[arg(long)]
    alias: Option<String>,
}

/// Has an agent serve a fresh lease for the login, and prints the resource's host authorities.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    if let Some(agent) = &args.agent {
        refuse_another_agents(agent, session)?;
        served::or_anew(session, || serve(args, agent, session))?;
    }
    // Whoever could write it would say which hosts are trusted.
    let lines = files::read_trusted(&setup::known_hosts(&session.places, &args.resource))?;
    match lines {
        Some(lines) => session.print(lines.trim_end()),
        None => Ok(()),
    }
}

/// ssh's configuration names the agent of whoever ran setup. A delegated agent has a certificate of
/// its own, which must not be what its human's log-ins get from there.
fn refuse_another_agents(agent: &Path, session: &Session) -> Result<()> {
    let is_delegated = session.environment.value(SESSION).is_some();
    if !is_delegated || agent.starts_with(shared::directory(&session.places)) {
        return Ok(());
    }
    Err(Failure::usage(
        "plain ssh would log in by the agent of the person for whom this delegated agent acts",
    )
    .hint("put jit before the command: jit exec -- ssh …"))
}

fn serve(args: &Args, agent: &Path, session: &Session) -> Result<()> {
    let catalogue = session.catalogue_to_look_up()?;
    let found = target::named(&catalogue, &args.resource)?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let resolved = Resolved {
        alias: text(&args.alias),
        hostname: text(&args.host),
        user: text(&args.user),
        ..Resolved::plain("")
    };
    // The user's configuration, or the catalogue, may have changed since setup looked at them.
    let now = target::at(&catalogue, &resolved)?;
    if now.map(|(name, _)| name) != Some(found.0) {
        return Err(outdated(found, &resolved));
    }
    let role = target::role(found, &resolved.user)?;
    let entitlement = target::entitlement(found, role);
    if !agent.ends_with(shared::below_runtime(&session.places, &entitlement)) {
        return Err(
            Failure::usage(format!("{} is not {entitlement}'s agent", agent.display()))
                .hint("run: jit setup ssh"),
        );
    }
    let because = format!("ssh logs in to {} as {role}", resolved.alias);
    let wanted = Recognised::new(entitlement, because);
    let terms = Terms::of_a_hook();
    confirm::look_after_served(session, &wanted.entitlement);
    shared::ensure(agent, || {
        acquire::lease(session, &catalogue, &wanted, &terms, Some("ssh")).map_err(|failure| {
            match failure.code {
                Code::Denied | Code::Pending => ask_first(session, failure, &wanted),
                Code::Usage
                | Code::SignIn
                | Code::TimedOut
                | Code::Failed
                | Code::CannotRun
                | Code::NotFound => failure,
            }
        })
    })
}

fn outdated((name, _): Found<'_>, resolved: &Resolved) -> Failure {
    let Resolved {
        alias, hostname, ..
    } = resolved;
    Failure::usage(format!("{alias} ({hostname}) is no host of {name}"))
        .hint("the catalogue or ~/.ssh/config has changed: run \"jit setup ssh\" again")
}

/// Nobody can be asked in the middle of a log-in. What asking would not bring has a hint of its own.
fn ask_first(session: &Session, failure: Failure, wanted: &Recognised) -> Failure {
    if failure.code == Code::Denied && failure.nature == Nature::Final {
        return failure;
    }
    let entitlement = &wanted.entitlement;
    let rules = match session.server() {
        Ok(Some(_)) => "\"jit list\" shows what it takes".to_owned(),
        Ok(None) | Err(_) => format!("\"jit policy explain {entitlement}\" shows the rules"),
    };
    failure.hint(format!(
        "ask for it, then log in: jit request {entitlement} -j \"why\" ({rules})"
    ))
}
