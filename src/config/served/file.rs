//! The file that a server's catalogue rests in. It begins with an index, so that a command which needs one
//! resource of thousands reads and parses that one alone.
//!
//! ```text
//! jit-catalogue 1 FETCHED_AT INDEX_LENGTH, padded with spaces to 64 bytes, a line feed last
//! kind/name OFFSET LENGTH, a line for each resource; offsets from behind the index
//! the resources, JSON, one behind the other
//! ```

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Deserialize;

use crate::{
    domain::{entitlement::ResourceName, failure::Result, relevance::Relevance, time::Timestamp},
    platform::files::PrivateFile,
    protocol::catalogue::{CatalogueView, ResourceView},
};

const MAGIC: &str = "jit-catalogue 1 ";
const HEAD: usize = 64;
/// No index is longer than for as many resources as a catalogue may have.
const LONGEST_INDEX: usize = 4 << 20;

/// No catalogue is longer.
const LONGEST: usize = 64 << 20;

/// A line of the index.
struct Entry {
    name: ResourceName,
    offset: usize,
    length: usize,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Kept {
    pub(super) view: CatalogueView,
    pub(super) fetched_at: Timestamp,
}

/// The file's bytes. `None` where something cannot be written as JSON.
pub(super) fn written(view: &CatalogueView, fetched_at: Timestamp) -> Option<Vec<u8>> {
    let (mut index, mut bodies) = (String::new(), Vec::new());
    for (name, resource) in &view.resources {
        let offset = bodies.len();
        serde_json::to_writer(&mut bodies, resource).ok()?;
        let length = bodies.len() - offset;
        writeln!(index, "{name} {offset} {length}").ok()?;
    }
    let head = format!("{MAGIC}{} {}", fetched_at.millis(), index.len());
    let head = format!("{head:width$}\n", width = HEAD - 1);
    Some([head.as_bytes(), index.as_bytes(), &bodies].concat())
}

/// Reads what is relevant; `None` where the file is none of ours, or is broken.
///
/// # Errors
/// The file cannot be read.
pub(super) fn read(file: &PrivateFile, relevant: Relevance<'_>) -> Result<Option<Kept>> {
    let head = file.read_at(0, HEAD)?;
    let Some((fetched_at, length)) = head.as_deref().and_then(heading) else {
        // As a version before this one wrote it.
        return Ok(serde_json::from_slice(&file.read_all()?).ok());
    };
    let Some(index) = file.read_at(HEAD, length)? else {
        return Ok(None);
    };
    let Ok(index) = String::from_utf8(index) else {
        return Ok(None);
    };
    let lines = index.lines().filter(|line| may_include(line, relevant));
    let entries: Option<Vec<Entry>> = lines.map(entry).collect();
    let Some(mut entries) = entries else {
        return Ok(None);
    };
    entries.retain(|entry| relevant.includes(&entry.name));
    let Some(bodies) = bodies(file, HEAD + index.len(), &entries)? else {
        return Ok(None);
    };
    let parsed = entries.into_iter().zip(bodies);
    let resources: Option<BTreeMap<ResourceName, ResourceView>> = parsed
        .map(|(entry, body)| Some((entry.name, serde_json::from_slice(&body).ok()?)))
        .collect();
    Ok(resources.map(|resources| Kept {
        view: CatalogueView { resources },
        fetched_at,
    }))
}

/// The texts of these resources, which stand one behind the other: they are read at once.
fn bodies(file: &PrivateFile, start: usize, entries: &[Entry]) -> Result<Option<Vec<Vec<u8>>>> {
    let first = entries.iter().map(|entry| entry.offset).min().unwrap_or(0);
    let ends = entries
        .iter()
        .map(|entry| entry.offset.saturating_add(entry.length));
    let end = ends.max().unwrap_or(0);
    if end > LONGEST {
        return Ok(None);
    }
    let Some(text) = file.read_at(start + first, end - first)? else {
        return Ok(None);
    };
    let body = |entry: &Entry| {
        let from = entry.offset - first;
        text.get(from..from + entry.length).map(<[u8]>::to_vec)
    };
    Ok(entries.iter().map(body).collect())
}

fn heading(head: &[u8]) -> Option<(Timestamp, usize)> {
    let text = str::from_utf8(head).ok()?.strip_prefix(MAGIC)?;
    let mut words = text.split_ascii_whitespace();
    let fetched_at = Timestamp::from_millis(words.next()?.parse().ok()?);
    let length: usize = words.next()?.parse().ok()?;
    (words.next().is_none() && length <= LONGEST_INDEX).then_some((fetched_at, length))
}

/// Whether a line is worth parsing.
fn may_include(line: &str, relevant: Relevance<'_>) -> bool {
    match relevant {
        Relevance::One(name) => {
            let rest = line.strip_prefix(name.kind().as_str());
            let rest = rest.and_then(|rest| rest.strip_prefix('/'));
            let rest = rest.and_then(|rest| rest.strip_prefix(name.name()));
            rest.is_some_and(|rest| rest.starts_with(' '))
        }
        Relevance::Kind(kind) => line.starts_with(kind.as_str()),
        Relevance::Everything => true,
    }
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let name = words.next()?.parse().ok()?;
    let (offset, length) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some(Entry {
        name,
        offset,
        length,
    })
}
