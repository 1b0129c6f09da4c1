//! `jit principals`: who comes to the server, and who may not any more.

use super::{approvals::server, embedded::block_on, outliving, session::Session, status::short};
use crate::{
    domain::{count::counted, failure::Result, principal::Principal, time::Timestamp},
    platform::terminal,
    protocol::principal::{PrincipalChange, PrincipalView},
};

/// List who comes to the server, or shut somebody out
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit principals\n  jit principals disable alice -j \"has left\""
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Disable(Disable),
    Enable(Enable),
}

/// Let somebody in no more, and end all that they have at once
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit principals disable alice -j \"has left\"")]
struct Disable {
    /// A name, or workload/NAME or agent/NAME.
    #[arg(value_parser = Principal::parse)]
    who: Principal,
    /// Say why; it is recorded.
    #[arg(long, short, value_name = "WHY")]
    justification: String,
    /// Even where nobody would be left who may administer the server.
    #[arg(long)]
    force: bool,
}

/// Let somebody in again
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit principals enable alice -j \"back from leave\"")]
struct Enable {
    /// A name, or workload/NAME or agent/NAME.
    #[arg(value_parser = Principal::parse)]
    who: Principal,
    /// Say why; it is recorded.
    #[arg(long, short, value_name = "WHY")]
    justification: String,
}

/// Lists or changes.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let (who, change) = match &args.verb {
        None => return list(session),
        Some(Verb::Disable(args)) => (
            &args.who,
            PrincipalChange {
                disabled: true,
                why: args.justification.clone(),
                force: args.force,
            },
        ),
        Some(Verb::Enable(args)) => (
            &args.who,
            PrincipalChange {
                disabled: false,
                why: args.justification.clone(),
                force: false,
            },
        ),
    };
    let view = block_on(async { server(session).await?.change_principal(who, &change).await })??;
    if session.json {
        return session.print_json(&view);
    }
    if !change.disabled {
        return session.print(&format!("{} may come again", who.written()));
    }
    session.print(&format!(
        "{} may not come any more; sessions, grants and requests have ended, and the targets that can be told are being told",
        who.written()
    ))?;
    outliving::show(session, who, &view.outliving)?;
    if view.enrolled.is_empty() {
        return Ok(());
    }
    session.print(&terminal::plain_line(&format!(
        "{} enrolled {}, which may still sign in; to remove one, run: jit enrolments remove NAME",
        who.written(),
        view.enrolled.join(", ")
    )))
}

fn list(session: &Session) -> Result<()> {
    let all = block_on(async { server(session).await?.principals().await })??;
    if session.json {
        return all.iter().try_for_each(|one| session.print_json(one));
    }
    let now = (session.clock)();
    let width = all.iter().map(|one| one.principal.len()).max();
    let width = width.unwrap_or_default();
    all.iter()
        .try_for_each(|one| session.print(&line(one, width, now)))
}

fn line(one: &PrincipalView, width: usize, now: Timestamp) -> String {
    let standing = match (one.disabled_at, one.dormant) {
        (Some(_), _) => "disabled",
        (None, true) => "dormant",
        (None, false) => "",
    };
    let of = |count: i64, what| counted(u64::try_from(count).unwrap_or_default(), what);
    let line = format!(
        "{:width$}  seen {:>6} ago  vouched for {:>6} ago  {}  {}  {}  {standing}",
        one.principal,
        short(now.left(one.last_seen_at)),
        short(now.left(one.attested_at)),
        of(one.sessions, "session"),
        of(one.grants, "grant"),
        one.groups.join(","),
    );
    terminal::plain_line(line.trim_end())
}
