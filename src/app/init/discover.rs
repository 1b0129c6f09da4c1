//! `jit init --discover`: what the user's tools know and the catalogue does not have, printed for
//! whoever wants to append it. Nothing is written.

use serde::Serialize;

use super::{
    finds,
    found::{Found, NEEDS, Proposal},
};
use crate::{
    app::session::Session,
    config::authority,
    domain::{
        catalogue::{Catalogue, Resource},
        failure::Result,
        host::fit,
    },
    platform::{files, terminal},
    tools::kubernetes::same_server,
};

#[derive(Serialize)]
struct Report<'a> {
    found: &'a [Found],
    unreadable: &'a [String],
}

/// Prints it: blocks for `authority.toml`, or a list with `--json`.
///
/// # Errors
/// The catalogue that is there cannot be read.
pub(super) fn run(session: &Session) -> Result<()> {
    let catalogue = session.catalogue()?;
    let file = session.places.configuration.join(authority::FILE);
    let start = files::read_trusted(&file)?.unwrap_or_default();
    let finds = finds::all(session)?;
    let mut proposal = Proposal::new(&start);
    let new = finds.found.iter();
    let mut waiting = Vec::new();
    let commented = authority::parse(authority::FILE, &uncommented(&start)).ok();
    for found in new.filter(|found| !is_reached(found, &catalogue)) {
        let waits = commented.as_ref().is_some_and(|all| is_reached(found, all));
        // What was proposed before and waits for its reader is not proposed again.
        if proposal.has(found) {
            waiting.push(found.resource.to_string());
        } else if !waits {
            proposal.add(found);
        }
    }
    let (found, unreadable) = (&proposal.found, &finds.skipped());
    if session.json {
        return session.print_json(&Report { found, unreadable });
    }
    let mut lines: Vec<String> = unreadable
        .iter()
        .map(|why| terminal::plain_line(&format!("# Skipped: {why}.")))
        .collect();
    if !waiting.is_empty() {
        lines.push(format!(
            "# In {}, commented out until you say what is missing there: {}.",
            file.display(),
            waiting.join(", ")
        ));
    }
    lines.push(if found.is_empty() && !waiting.is_empty() {
        "# Your tools know nothing else that the catalogue does not have.".to_owned()
    } else if found.is_empty() {
        "# Your tools know nothing that the catalogue does not have.".to_owned()
    } else {
        format!(
            "# What your tools know and the catalogue does not have; append to {} what you want.",
            file.display()
        )
    });
    lines.push(
        proposal
            .text
            .strip_prefix(&start)
            .unwrap_or_default()
            .trim_end()
            .to_owned(),
    );
    session.print(lines.join("\n").trim_end())
}

/// The text as it is once its reader has taken the "# " away from each proposal.
fn uncommented(text: &str) -> String {
    let mut is_proposal = false;
    let lines = text.lines().map(|line| {
        let plain = line.strip_prefix("# ").filter(|_| is_proposal);
        is_proposal = line.starts_with(NEEDS) || plain.is_some();
        plain.unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the catalogue reaches the same already, under whatever name.
fn is_reached(found: &Found, catalogue: &Catalogue) -> bool {
    let Ok(own) = authority::parse(authority::FILE, &found.block()) else {
        return false;
    };
    let new: Vec<&Resource> = own.resources.0.values().collect();
    let mut all = catalogue.resources.0.values();
    all.any(|there| new.iter().any(|new| is_same(new, there)))
}

fn is_same(new: &Resource, there: &Resource) -> bool {
    match (new, there) {
        (Resource::Ssh(new), Resource::Ssh(there)) => new.hosts.iter().all(|host| {
            let mut patterns = there.hosts.iter();
            patterns.any(|pattern| fit(pattern, host).is_some())
        }),
        (Resource::Kubernetes(new), Resource::Kubernetes(there)) => {
            same_server(&new.server, &there.server)
        }
        (Resource::Postgres(new), Resource::Postgres(there)) => {
            let has = |database| there.databases.is_empty() || there.databases.contains(database);
            new.hosts.iter().all(|host| there.hosts.contains(host)) && new.databases.iter().all(has)
        }
        (Resource::Aws(new), Resource::Aws(there)) => {
            let is_base = |profile| there.base_profile.as_ref() == Some(profile);
            new.account == there.account || new.profiles.iter().any(is_base)
        }
        _ => false,
    }
}
