//! jit's own things: the sealing key, its directories, what was written, and the ledger. Looking
//! makes none of them.

use std::fs;

use super::{finding::Finding, ground::Ground};
use crate::{
    app::{
        embedded::{block_on, ledger_file},
        policy,
    },
    cache,
    config::{authority, policies},
    domain::failure::Result,
    platform::{
        files,
        keyring::{self, Whereabouts},
    },
    store::{
        inspect::{Inspection, inspect},
        ledger::Verification,
    },
};

/// No more of the ledger is looked at: some tenths of a second.
const NEWEST: i64 = 20_000;

/// The key that seals leases and signing keys.
pub(super) fn keyring(ground: &Ground) -> Vec<Finding> {
    let file = cache::sealing_key_file(&ground.session.places);
    let subject = "keyring";
    let shown = ground.shown(&file);
    let found = match keyring::look(&file) {
        Ok(found) => found,
        Err(failure) => return vec![Finding::failed(subject, &failure)],
    };
    let Whereabouts { in_file, in_kernel } = found;
    vec![match (in_file, in_kernel) {
        (true, true) => Finding::good(
            subject,
            format!("the sealing key is in the kernel's keyring, and in {shown} for the next boot"),
        ),
        (true, false) => Finding::good(
            subject,
            format!("the kernel's keyring has no sealing key, so {shown} serves"),
        ),
        (false, true) => Finding::warning(
            subject,
            "the sealing key is in the kernel's keyring only, which ends with this boot",
        )
        .hint(format!("\"jit audit\" writes {shown} again")),
        (false, false) if ledger_file(&ground.session).exists() => Finding::bad(
            subject,
            format!("{shown} is gone, and with it what opens the authority's signing keys"),
        )
        .hint("restore it from a backup; without it the targets have to trust new keys"),
        (false, false) => Finding::note(
            subject,
            "no sealing key yet: the first credential makes one",
        ),
    }]
}

/// Whether others can reach into what is ours.
pub(super) fn directories(ground: &Ground) -> Vec<Finding> {
    let places = &ground.session.places;
    let configuration = fs::metadata(&places.configuration).ok();
    let trusted = configuration
        .as_ref()
        .map(|metadata| files::refuse_foreign(&places.configuration, metadata));
    let leases = places.cache.join("leases");
    let private = [&places.state, &places.cache, &leases, &places.runtime];
    let private = private.map(|path| files::is_private_directory(path));
    let is_there = trusted.is_some() || private.iter().any(|found| matches!(found, Ok(true)));
    let all = trusted
        .into_iter()
        .chain(private.map(|found| found.map(drop)));
    let failures: Vec<Finding> = all
        .filter_map(Result::err)
        .map(|failure| Finding::failed("directories", &failure))
        .collect();
    match failures.is_empty() {
        false => failures,
        true if is_there => vec![Finding::good(
            "directories",
            "nobody else can write the configuration or reach state, cache and runtime",
        )],
        true => vec![Finding::note("directories", "jit has none yet")],
    }
}

/// What was written: config.toml, authority.toml, what they refer to, and the policies.
pub(super) fn configuration(ground: &Ground) -> Vec<Finding> {
    let subject = "configuration";
    let directory = &ground.session.places.configuration;
    if fs::symlink_metadata(directory).is_err() {
        let shown = ground.shown(directory);
        return vec![
            Finding::warning(subject, format!("nothing is written in {shown} yet"))
                .hint("begin with: jit init"),
        ];
    }
    if let Some(server) = &ground.server {
        return served(server, ground);
    }
    if let Err(failure) = ground.session.config() {
        return vec![Finding::failed(subject, &failure)];
    }
    match policy::checked(&ground.session) {
        Ok(checked) => {
            let good = Finding::good(subject, checked.counted());
            let notes = checked.notes.into_iter();
            [good]
                .into_iter()
                .chain(notes.map(|note| Finding::warning(subject, note)))
                .collect()
        }
        Err(failure) => vec![Finding::failed(subject, &failure)],
    }
}

/// With a server, what else was written here decides nothing.
fn served(server: &str, ground: &Ground) -> Vec<Finding> {
    let subject = "configuration";
    let directory = &ground.session.places.configuration;
    let mut findings = vec![Finding::good(subject, format!("{server} decides"))];
    let unused = [authority::FILE, policies::DIRECTORY].map(|name| directory.join(name));
    let unused: Vec<String> = unused
        .iter()
        .filter(|path| path.exists())
        .map(|path| ground.shown(path))
        .collect();
    if !unused.is_empty() {
        let says = format!(
            "{} {}: the server has its own",
            unused.join(" and "),
            if unused.len() == 1 {
                "is not used"
            } else {
                "are not used"
            },
        );
        findings.push(Finding::note(subject, says));
    }
    findings
}

/// Whether the ledger is what was written.
pub(super) fn ledger(ground: &Ground) -> Vec<Finding> {
    let file = ledger_file(&ground.session);
    let found = block_on(inspect(&file, NEWEST)).and_then(|found| found);
    vec![match found {
        Ok(Some(inspection)) => inspected(&inspection),
        Ok(None) => Finding::note("ledger", "nothing is recorded yet"),
        Err(failure) => Finding::failed("ledger", &failure),
    }]
}

fn inspected(inspection: &Inspection) -> Finding {
    let looked_at = inspection.looked_at;
    match &inspection.verification {
        Verification::Whole { entries, .. } if looked_at == *entries => Finding::good(
            "ledger",
            format!("{entries} entries, and the chain is whole"),
        ),
        Verification::Whole { entries, .. } => Finding::good(
            "ledger",
            format!(
                "the newest {looked_at} of {entries} entries are whole; \"jit audit verify\" looks at all"
            ),
        ),
        Verification::Broken { entry, what } => {
            Finding::bad("ledger", format!("it is broken at entry {entry}: {what}")).hint(
                "keep the file as evidence; what comes before this entry is as it was written",
            )
        }
    }
}
