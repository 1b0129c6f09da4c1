//! `jit doctor`: one screen, each line good or what to do. The checks look, in parallel; here they
//! are put together, run and shown.

mod clock;
mod crew;
mod finding;
mod ground;
mod leftovers;
mod own;
mod prefixless;
mod programs;
mod server;
mod shadows;
mod show;
mod standing;
mod targets;

use std::sync::Arc;

use serde::Serialize;

use self::{
    crew::Check,
    finding::{Finding, Level},
    ground::Ground,
};
use super::{session::Session, verified};
use crate::{
    domain::{
        entitlement::ResourceName,
        failure::{Failure, Result},
    },
    platform::terminal,
};

/// Check this machine, what you wrote and every target, and say what to do
///
/// Each target is really tried, with a lease of its smallest role that is given back at the end.
/// Ends with 125 where something will not work.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jit doctor\n  jit doctor kubernetes/prod --json")]
pub struct Args {
    /// Only these: kind/name.
    #[arg(value_name = "KIND/NAME")]
    only: Vec<ResourceName>,
    /// Ask no target anything.
    #[arg(long)]
    offline: bool,
}

/// One finding as a program reads it.
#[derive(Serialize)]
struct Row<'a> {
    check: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
}

/// Checks everything, or what was asked about.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    let ground = Arc::new(Ground::of(session, &args.only)?);
    let checks = checks(args, &ground);
    let groups: Vec<&str> = checks.iter().map(|check| check.group).collect();
    let is_watched = terminal::is_watched();
    let found = crew::run(checks, &ground, |waiting| {
        if is_watched {
            terminal::show(&format!("jit: looking at {}", waiting.join(", ")));
        }
    });
    if is_watched {
        terminal::show("");
    }
    let mut rows: Vec<(&str, Finding)> = Vec::new();
    for (group, mut findings) in groups.into_iter().zip(found) {
        if ground.server.is_some() {
            findings
                .iter_mut()
                .for_each(Finding::away_from_the_catalogue);
        }
        rows.extend(clock::together(&mut findings).map(|finding| ("clock", finding)));
        rows.extend(findings.into_iter().map(|finding| (group, finding)));
    }
    show(&rows, session)?;
    if !args.offline {
        verified::record(session, &ground.catalogue, let_in(&rows, &ground))?;
    }
    verdict(&rows)
}

/// Whether each target that was tried has let this user in: something of it is good, and nothing bad.
fn let_in<'a>(
    rows: &'a [(&str, Finding)],
    ground: &'a Ground,
) -> impl Iterator<Item = (&'a ResourceName, bool)> {
    ground.resources().filter_map(|(name, _)| {
        let subject = name.to_string();
        let own = || {
            let own = rows
                .iter()
                .filter(|(group, found)| *group == "targets" && found.subject == subject);
            own.map(|(_, found)| found.level)
        };
        let is_good = own().any(|level| level == Level::Good);
        let is_bad = own().any(|level| level == Level::Bad);
        // What was not tried is as it was.
        (is_good || is_bad).then_some((name, is_good && !is_bad))
    })
}

/// The checks, in the order in which their findings are shown.
fn checks(args: &Args, ground: &Ground) -> Vec<Check> {
    let mut checks = vec![
        Check::new("keyring", "the keyring", own::keyring),
        Check::new("directories", "directories", own::directories),
        Check::new("configuration", "the configuration", own::configuration),
    ];
    match &ground.server {
        None => checks.push(Check::new("ledger", "the ledger", own::ledger)),
        Some(server) if args.offline => {
            let server = server.clone();
            let look = move |ground: &Ground| server::rests(&server, ground);
            checks.push(Check::new("server", "what is known of the server", look));
        }
        Some(server) => {
            let server = server.clone();
            let look = move |ground: &Ground| server::look(&server, ground);
            checks.push(Check::new("server", "the server", look));
        }
    }
    checks.extend(
        programs::of(ground)
            .map(|tool| Check::new("tools", tool.name, |ground| programs::look(tool, ground))),
    );
    checks.push(Check::new("setup", "setup", prefixless::look));
    checks.push(Check::new(
        "shadows",
        "credentials in the way",
        shadows::look,
    ));
    if !args.offline {
        checks.extend(ground.resources().map(|(name, _)| {
            let own = name.clone();
            Check::new("targets", name, move |ground| targets::look(&own, ground))
        }));
    }
    // What has nothing to do with any resource is not what was asked about.
    if ground.is_whole {
        checks.push(Check::new(
            "standing",
            "standing credentials",
            standing::look,
        ));
        checks.push(Check::new("leftovers", "leftovers", leftovers::look));
    }
    checks
}

fn show(rows: &[(&str, Finding)], session: &Session) -> Result<()> {
    if session.json {
        return rows
            .iter()
            .try_for_each(|(check, finding)| session.print_json(&Row { check, finding }));
    }
    let findings: Vec<&Finding> = rows.iter().map(|(_, finding)| finding).collect();
    session.print(&show::text(&findings))
}

fn verdict(rows: &[(&str, Finding)]) -> Result<()> {
    let bad = rows
        .iter()
        .filter(|(_, finding)| finding.level == Level::Bad);
    match bad.count() {
        0 => Ok(()),
        1 => {
            Err(Failure::failed("one check failed")
                .hint("the line that begins with fail says which"))
        }
        several => Err(Failure::failed(format!("{several} checks failed"))
            .hint("the lines that begin with fail say which")),
    }
}
