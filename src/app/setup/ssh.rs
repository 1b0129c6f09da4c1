//! `jit setup ssh`: an Include at the top of `~/.ssh/config`, and what it includes.
//!
//! ssh itself calls `jit known-hosts` for our hosts and for no other. It looks for its configuration in
//! the home directory of the user database, whatever HOME says.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    block::{self, Place},
    edit::Edit,
    ground::{Ground, Plan},
    ssh_patterns,
};
use crate::{
    app::{
        embedded::{block_on, ledger_file, without_policies},
        session::Session,
    },
    config::{account, served},
    domain::{
        catalogue::Catalogue,
        entitlement::ResourceName,
        failure::{Failure, Result},
    },
    platform::{files, process},
    tools::ssh::{
        aliases::{self, aliases},
        call::Call,
        destination::Destination,
        resolve::{self, resolve},
        setup,
        target::{at, ours},
    },
};

const KIND: &str = "ssh";

/// What they should be.
pub(super) fn plan(ground: &Ground<'_>) -> Result<Plan> {
    if ours(&ground.catalogue).next().is_none() {
        return undo(ground);
    }
    let ssh = process::find(KIND.as_ref(), ground.environment())?;
    refuse_old(&ssh)?;
    let places = &ground.session.places;
    let mut notes = Vec::new();
    let named = named(ground.session, &ground.catalogue, &ssh, &mut notes)?;
    let named: Vec<setup::Alias<'_>> = named.iter().map(|(alias, name)| (&**alias, name)).collect();
    let included = setup::ssh_config(places);
    let text = setup::text(&ground.catalogue, &named, &ground.program, places)?;
    let mut edits = vec![Edit::whole(included.clone(), Some(text))?];
    let authorities = authorities(ground)?;
    for old in setup::all_known_hosts(places) {
        if !authorities.contains_key(&old) {
            edits.push(Edit::whole(old, None)?);
        }
    }
    for (file, lines) in authorities {
        edits.push(Edit::whole(file, Some(lines))?);
    }
    let line = include(&included)?;
    let config = config(ground.session)?;
    edits.push(Edit::of(config.clone(), |text| on_top(text, &line))?);
    if let Some(read) = elsewhere(ground.session) {
        notes.push(format!(
            "ssh reads {} and not {}, since it goes by the user database and not by HOME",
            read.display(),
            config.display()
        ));
    }
    Ok(Plan {
        edits: edits.into_iter().flatten().collect(),
        notes,
    })
}

/// What they were.
pub(super) fn undo(ground: &Ground<'_>) -> Result<Plan> {
    let places = &ground.session.places;
    let mut edits = vec![
        Edit::without_blocks(config(ground.session)?, KIND)?,
        Edit::whole(setup::ssh_config(places), None)?,
    ];
    for file in setup::all_known_hosts(places) {
        edits.push(Edit::whole(file, None)?);
    }
    Ok(Plan {
        edits: edits.into_iter().flatten().collect(),
        notes: Vec::new(),
    })
}

/// Whether the Include is in the user's configuration, and before everything else: what stands before
/// it would win over it.
///
/// # Errors
/// The configuration cannot be read.
pub fn is_included(session: &Session) -> Result<bool> {
    let line = include(&setup::ssh_config(&session.places))?;
    let text = files::read_text(&config(session)?)?;
    Ok(text.is_some_and(|text| begins_with(&text, &line)))
}

/// The names in the user's configuration that mean a host of that resource, of which what setup made
/// does not know: `jit setup ssh` is to be run again.
///
/// # Errors
/// There is no ssh, or the configuration cannot be read.
pub fn uncovered(
    session: &Session,
    resource: &ResourceName,
    catalogue: &Catalogue,
) -> Result<Vec<String>> {
    let ssh = process::find(KIND.as_ref(), &session.environment)?;
    let covered = aliases::made(&session.places)?;
    let named = named(session, catalogue, &ssh, &mut Vec::new())?;
    let own = named.into_iter().filter(|(_, name)| name == resource);
    Ok(own
        .map(|(alias, _)| alias)
        .filter(|alias| !covered.iter().any(|block| block.is_for(alias)))
        .collect())
}

fn config(session: &Session) -> Result<PathBuf> {
    session.environment.in_home(".ssh/config").ok_or_else(|| {
        Failure::failed("there is no home directory").hint("set HOME to an absolute path")
    })
}

fn begins_with(text: &str, line: &str) -> bool {
    let mut first = text.lines();
    first.next().is_some_and(|mark| block::is_in(mark, KIND)) && first.next() == Some(line)
}

/// The text with the Include before its first line.
fn on_top(text: Option<&str>, line: &str) -> Result<Option<String>> {
    let Some(text) = text else {
        let lines = [line.to_owned()];
        return Ok(Some(block::put(None, KIND, Place::Start, &lines)));
    };
    if begins_with(text, line) {
        return Ok(Some(text.to_owned()));
    }
    let without = block::take(text, KIND)?;
    let lines = [line.to_owned()];
    Ok(Some(block::put(
        without.as_deref(),
        KIND,
        Place::Start,
        &lines,
    )))
}

fn include(file: &Path) -> Result<String> {
    let plain = |c: char| c.is_alphanumeric() || " /._-+@,=:".contains(c);
    let text = file.to_str().filter(|text| text.chars().all(plain));
    text.map(|text| format!("Include \"{text}\""))
        .ok_or_else(|| {
            Failure::failed(format!(
                "ssh would read {:?} as more than a path",
                file.display()
            ))
            .hint("set XDG_STATE_HOME to a path of letters, digits and spaces")
        })
}

fn refuse_old(ssh: &Path) -> Result<()> {
    if resolve::knows(ssh, "KnownHostsCommand=none") {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{} does not know KnownHostsCommand, which OpenSSH has since 8.5",
        ssh.display()
    ))
    .hint("update OpenSSH, or put \"jit exec --\" before ssh as until now"))
}

/// The file that ssh reads, where that is another one than HOME says.
fn elsewhere(session: &Session) -> Option<PathBuf> {
    let home = account::home().filter(|home| session.environment.home.as_ref() != Some(home));
    home.map(|home| home.join(".ssh/config"))
}

/// The names in the user's own configuration that mean a host of ours.
fn named(
    session: &Session,
    catalogue: &Catalogue,
    ssh: &Path,
    notes: &mut Vec<String>,
) -> Result<Vec<(String, ResourceName)>> {
    let blocks = aliases::read(&session.environment, &session.places)?;
    let call = match elsewhere(session) {
        Some(_) => Call {
            before: vec!["-F".into(), config(session)?.into()],
            ..Call::default()
        },
        None => Call::default(),
    };
    let patterns = ssh_patterns::find(&blocks, catalogue);
    let mut named = patterns.whole;
    notes.extend(patterns.notes);
    let by_pattern = patterns.names.iter().map(String::as_str);
    for alias in aliases(&blocks).into_iter().chain(by_pattern) {
        // What is no destination nobody can log in to.
        let Ok(destination) = Destination::of_ssh(alias) else {
            continue;
        };
        let found = resolve(ssh, &call, &destination).and_then(|resolved| at(catalogue, &resolved));
        match found {
            Ok(Some((name, _))) => named.push((alias.to_owned(), name.clone())),
            Ok(None) => {}
            Err(failure) => notes.push(format!("{alias} is left out: {failure}")),
        }
    }
    Ok(named)
}

/// The files of `known_hosts` of the resources that have a host authority, with their text.
fn authorities(ground: &Ground<'_>) -> Result<BTreeMap<PathBuf, String>> {
    let keys = host_authorities(ground)?;
    let all = ours(&ground.catalogue).filter_map(|(name, resource)| {
        let file = setup::known_hosts(&ground.session.places, name);
        Some((file, setup::authority_line(resource, keys.get(name)?)))
    });
    Ok(all.collect())
}

/// The keys that vouch for hosts: the authority's own, or those that a server named.
fn host_authorities(ground: &Ground<'_>) -> Result<BTreeMap<ResourceName, String>> {
    let session = ground.session;
    if session.server()?.is_some() {
        let served = served::load(&session.places)?;
        return Ok(served.map_or_else(BTreeMap::new, |served| served.host_authorities()));
    }
    if !ledger_file(session).exists() {
        return Ok(BTreeMap::new());
    }
    block_on(async {
        let authority = without_policies(session).await?;
        let mut keys = BTreeMap::new();
        for (name, _) in ours(&ground.catalogue) {
            if let Some(key) = authority.host_ca(name).await? {
                keys.insert(name.clone(), key);
            }
        }
        Ok(keys)
    })?
}
