//! `jit init`: writes commented configuration where there is none, and proposes a catalogue of what
//! the user's own tools know. It changes nothing that exists.

mod aws;
mod discover;
mod finds;
mod forges;
mod found;
mod ini;
mod known;
mod kubernetes;
mod place;
mod postgres;
mod server;
mod ssh;
mod template;

use std::{fs, path::Path};

use serde::Serialize;

use self::{
    found::{Found, Proposal},
    place::own_directory,
};
use super::session::Session;
use crate::{
    config::{authority, client, places, policies},
    domain::failure::Result,
    platform::files,
    policy::starter,
};

/// Write commented configuration and propose a catalogue; changes nothing that exists
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jit init && jit policy check\n  jit init --discover\n  jit init --server https://jit.example.com"
)]
pub struct Args {
    /// Write nothing: print what your tools know and the catalogue does not have.
    #[arg(long)]
    discover: bool,
    #[command(flatten)]
    server: server::Server,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Files that are new.
    written: Vec<String>,
    /// What was there, and stays as it was.
    kept: Vec<String>,
    /// What the user's tools know.
    found: Vec<Found>,
    /// Files that could not be read, and why.
    unreadable: Vec<String>,
    /// The directory, where it is not the one that every command of this user reads.
    #[serde(skip)]
    elsewhere: Option<String>,
}

/// Writes what is not there yet.
pub fn run(args: &Args, session: &Session) -> Result<()> {
    if args.discover {
        return discover::run(session);
    }
    if args.server.is_named() {
        return server::run(&args.server, session);
    }
    let directory = &session.places.configuration;
    own_directory(directory)?;
    let mut report = Report {
        elsewhere: elsewhere(session),
        ..Report::default()
    };
    write(&mut report, &directory.join(client::FILE), template::CONFIG)?;
    let catalogue = directory.join(authority::FILE);
    if exists(&catalogue) {
        report.kept.push(catalogue.display().to_string());
    } else {
        propose(&mut report, session, &catalogue)?;
    }
    starters(&mut report, &directory.join(policies::DIRECTORY))?;
    if session.json {
        return session.print_json(&report);
    }
    session.print(report.text().trim_end())
}

/// The directory, where it is not the one that every command of this user reads.
fn elsewhere(session: &Session) -> Option<String> {
    let configuration = &session.places.configuration;
    let usual = places::find(&session.environment, None);
    let is_usual = usual.is_ok_and(|usual| usual.configuration == *configuration);
    (!is_usual).then(|| configuration.display().to_string())
}

/// Whether something has that name, be it a link that leads nowhere.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn write(report: &mut Report, path: &Path, text: &str) -> Result<()> {
    let shown = path.display().to_string();
    if exists(path) {
        report.kept.push(shown);
        return Ok(());
    }
    files::write_private(path, text.as_bytes())?;
    report.written.push(shown);
    Ok(())
}

/// Where there is a directory of policies it stays as it is: a starter policy that somebody took
/// away must not come back by itself.
fn starters(report: &mut Report, directory: &Path) -> Result<()> {
    if exists(directory) {
        report.kept.push(directory.display().to_string());
        return Ok(());
    }
    files::private_directory(directory)?;
    starter::FILES
        .iter()
        .try_for_each(|(name, text)| write(report, &directory.join(name), text))
}

fn propose(report: &mut Report, session: &Session, catalogue: &Path) -> Result<()> {
    let finds = finds::all(session)?;
    report.unreadable.extend(finds.skipped());
    let mut proposal = Proposal::new(template::AUTHORITY);
    finds.found.iter().for_each(|found| proposal.add(found));
    for (name, text) in proposal.certificates() {
        write(report, &catalogue.with_file_name(name), &text)?;
    }
    write(report, catalogue, &proposal.text)?;
    report.found = proposal.found;
    Ok(())
}

impl Report {
    fn text(&self) -> String {
        let mut lines = Vec::new();
        let each = |word: &str, paths: &[String]| -> Vec<String> {
            paths
                .iter()
                .map(|path| format!("{word:<8}{path}"))
                .collect()
        };
        lines.extend(each("wrote", &self.written));
        lines.extend(each("kept", &self.kept));
        lines.extend(each("skipped", &self.unreadable));
        for found in &self.found {
            let needs = found.needs.as_ref();
            let needs = needs.map_or_else(String::new, |needs| format!("; commented out: {needs}"));
            let line = format!("{} ({}{needs})", found.resource, found.origin);
            lines.extend(each("found", &[line]));
        }
        lines.push(String::new());
        lines.extend(self.next());
        lines.join("\n")
    }

    fn next(&self) -> Vec<String> {
        let ready = self.found.iter().find(|found| found.needs.is_none());
        let target = ready.map_or_else(
            || "KIND/NAME".to_owned(),
            |found| found.resource.to_string(),
        );
        let mut next = vec!["Next:".to_owned()];
        if let Some(directory) = &self.elsewhere {
            let there = format!("--config-dir '{directory}'");
            next.extend([
                format!("  edit authority.toml, then run: jit policy check {there}"),
                format!("  serve it to a team: jit serve --config '{directory}'"),
                format!("  or use it yourself, with {there} or JIT_CONFIG_DIR"),
            ]);
            return next;
        }
        next.extend([
            "  edit authority.toml, then run: jit policy check".to_owned(),
            format!("  tell the target to trust this authority: jit trust {target}"),
            "  run a command with just-in-time access: jit exec -- COMMAND".to_owned(),
            "  leave the prefix out: jit setup, and see what is missing: jit doctor".to_owned(),
        ]);
        next
    }
}

#[cfg(test)]
mod tests;
