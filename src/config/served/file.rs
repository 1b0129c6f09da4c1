//! The file that a server's catalogue rests in. It begins with an index of names and of what tools call the
//! resources, so that a command which needs one of thousands reads and parses that one alone.
//!
//! ```text
//! jit-catalogue 2 FETCHED_AT INDEX_LENGTH, padded with spaces to 64 bytes, a line feed last
//! kind/name OFFSET LENGTH KEY…, a line for each resource; offsets from behind the index
//! the resources, JSON, one behind the other
//! ```

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Write as _,
    iter::from_fn,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde::Deserialize;

use super::read;
use crate::{
    domain::{
        catalogue::{Catalogue, Resource},
        entitlement::{Kind, ResourceName},
        failure::Result,
        lookup::{Index, Key, Named},
        time::Timestamp,
    },
    platform::files::PrivateFile,
    protocol::catalogue::{CatalogueView, ResourceView},
};

const MAGIC: &str = "jit-catalogue 2 ";
const HEAD: usize = 64;
/// No index is longer than for as many resources as a catalogue may have.
const LONGEST_INDEX: usize = 32 << 20;

/// No catalogue is longer.
const LONGEST: usize = 64 << 20;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Kept {
    pub(super) view: CatalogueView,
    pub(super) fetched_at: Timestamp,
}

/// The file's bytes. `None` where something cannot be written as JSON.
pub(super) fn written(
    view: &CatalogueView,
    catalogue: &Catalogue,
    fetched_at: Timestamp,
) -> Option<Vec<u8>> {
    let (mut index, mut bodies) = (String::new(), Vec::new());
    for (name, resource) in &view.resources {
        let offset = bodies.len();
        serde_json::to_writer(&mut bodies, resource).ok()?;
        let length = bodies.len() - offset;
        write!(index, "{name} {offset} {length}").ok()?;
        let keys = catalogue.named(name).map(|(_, resource)| resource.keys());
        for key in keys.iter().flatten() {
            write!(index, " {}", encoded(key)).ok()?;
        }
        index.push('\n');
    }
    let head = format!("{MAGIC}{} {}", fetched_at.millis(), index.len());
    let head = format!("{head:width$}\n", width = HEAD - 1);
    Some([head.as_bytes(), index.as_bytes(), &bodies].concat())
}

/// A letter of the kind of key, and its text without what ends a word or a line.
fn encoded(key: &Key<'_>) -> String {
    let (letter, text) = match key {
        Key::Host(text) => ('h', text),
        Key::Server(text) => ('s', text),
        Key::Context(text) => ('c', text),
        Key::Database(text) => ('d', text),
        Key::Profile(text) => ('p', text),
    };
    let text = text.replace('%', "%25");
    let text = text.replace(' ', "%20").replace('\n', "%0A");
    format!("{letter}{text}")
}

fn decoded(word: &str) -> Option<Key<'_>> {
    let (letter, text) = word.split_at_checked(1)?;
    let text = if text.contains('%') {
        let text = text.replace("%0A", "\n").replace("%20", " ");
        Cow::Owned(text.replace("%25", "%"))
    } else {
        Cow::Borrowed(text)
    };
    Some(match letter {
        "h" => Key::Host(text),
        "s" => Key::Server(text),
        "c" => Key::Context(text),
        "d" => Key::Database(text),
        "p" => Key::Profile(text),
        _ => return None,
    })
}

/// Reads all of it; `None` where the file is none of ours, or is broken.
///
/// # Errors
/// The file cannot be read.
pub(super) fn read_all(file: PrivateFile, cache: &Path) -> Result<Option<Kept>> {
    let head = file.read_at(0, HEAD)?;
    if head.as_deref().and_then(heading).is_none() {
        // As an earlier version wrote it.
        return Ok(serde_json::from_slice(&file.read_all()?).ok());
    }
    let Some(indexed) = Indexed::open(file, cache)? else {
        return Ok(None);
    };
    let views = indexed.index.lines().map(|line| {
        let entry = Entry::of(line)?;
        let view = indexed.view(&entry)?;
        Some((entry.name, view))
    });
    let resources: Option<BTreeMap<ResourceName, ResourceView>> = views.collect();
    Ok(resources.map(|resources| Kept {
        view: CatalogueView { resources },
        fetched_at: indexed.fetched_at,
    }))
}

fn heading(head: &[u8]) -> Option<(Timestamp, usize)> {
    let text = str::from_utf8(head).ok()?.strip_prefix(MAGIC)?;
    let mut words = text.split_ascii_whitespace();
    let fetched_at = Timestamp::from_millis(words.next()?.parse().ok()?);
    let length: usize = words.next()?.parse().ok()?;
    (words.next().is_none() && length <= LONGEST_INDEX).then_some((fetched_at, length))
}

/// A line of the index, without its keys.
struct Entry {
    name: ResourceName,
    offset: usize,
    length: usize,
}

impl Entry {
    fn of(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        Some(Self {
            name: words.next()?.parse().ok()?,
            offset: words.next()?.parse().ok()?,
            length: words.next()?.parse().ok()?,
        })
    }
}

/// The keys of a line.
fn keys(line: &str) -> impl Iterator<Item = Key<'_>> {
    line.split(' ').skip(3).filter_map(decoded)
}

/// A catalogue whose index was read, and of whose resources those that were asked for. A resource that makes
/// no sense is not there.
#[derive(Debug)]
pub(super) struct Indexed {
    file: PrivateFile,
    pub(super) fetched_at: Timestamp,
    index: String,
    cache: PathBuf,
    resources: Resources,
}

impl Indexed {
    /// Reads the index; `None` where the file has none of this version.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn open(file: PrivateFile, cache: &Path) -> Result<Option<Self>> {
        let head = file.read_at(0, HEAD)?;
        let Some((fetched_at, length)) = head.as_deref().and_then(heading) else {
            return Ok(None);
        };
        let index = file.read_at(HEAD, length)?;
        let index = index.and_then(|index| String::from_utf8(index).ok());
        Ok(index.map(|index| Self {
            file,
            fetched_at,
            index,
            cache: cache.to_owned(),
            resources: Resources::default(),
        }))
    }

    fn view(&self, entry: &Entry) -> Option<ResourceView> {
        let end = entry.offset.checked_add(entry.length)?;
        if end > LONGEST {
            return None;
        }
        let start = HEAD + self.index.len() + entry.offset;
        let body = self.file.read_at(start, entry.length).ok()??;
        serde_json::from_slice(&body).ok()
    }

    fn lines(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let is_of_kind = move |line: &&str| {
            let rest = line.strip_prefix(kind.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        self.index.lines().filter(is_of_kind)
    }

    /// The resource of a line, which is read once.
    fn resource(&self, line: &str) -> Option<Named<'_>> {
        let entry = Entry::of(line)?;
        let mut known = self.resources.iter();
        if let Some(found) = known.find(|(name, _)| **name == entry.name) {
            return Some(found);
        }
        let view = self.view(&entry)?;
        let authority = read::authority_file(&self.cache, &entry.name);
        let resource = read::resource(&entry.name, &view, authority).ok()?;
        Some(self.resources.push(entry.name, resource))
    }
}

impl Index for Indexed {
    fn named(&self, name: &ResourceName) -> Option<Named<'_>> {
        let is_it = |line: &&str| {
            let rest = line.get(name.kind().as_str().len() + 1..);
            let rest = rest.and_then(|rest| rest.strip_prefix(name.name()));
            rest.is_some_and(|rest| rest.starts_with(' '))
        };
        let line = self.lines(name.kind()).find(is_it)?;
        self.resource(line)
    }

    fn found(&self, kind: Kind, fits: &dyn Fn(&Key<'_>) -> bool) -> Vec<Named<'_>> {
        let lines = self.lines(kind);
        let fitting = lines.filter(|line| keys(line).any(|key| fits(&key)));
        fitting.filter_map(|line| self.resource(line)).collect()
    }

    fn of_kind(&self, kind: Kind) -> Vec<Named<'_>> {
        let lines = self.lines(kind);
        lines.filter_map(|line| self.resource(line)).collect()
    }

    fn has_kind(&self, kind: Kind) -> bool {
        self.lines(kind).next().is_some()
    }

    fn names(&self) -> Vec<ResourceName> {
        let lines = self.index.lines();
        let names = lines.filter_map(|line| line.split(' ').next()?.parse().ok());
        names.collect()
    }

    fn read(&self) -> usize {
        self.resources.iter().count()
    }
}

/// Resources that were read, in a list that only grows: what was read once stays where it is.
#[derive(Debug, Default)]
struct Resources(OnceLock<Box<Node>>);

#[derive(Debug)]
struct Node {
    name: ResourceName,
    resource: Resource,
    rest: Resources,
}

impl Resources {
    fn iter(&self) -> impl Iterator<Item = Named<'_>> {
        let mut rest = self;
        from_fn(move || {
            let node = rest.0.get()?;
            rest = &node.rest;
            Some((&node.name, &node.resource))
        })
    }

    fn push(&self, name: ResourceName, resource: Resource) -> Named<'_> {
        let mut end = self;
        while let Some(node) = end.0.get() {
            end = &node.rest;
        }
        let node = end.0.get_or_init(|| {
            Box::new(Node {
                name,
                resource,
                rest: Self::default(),
            })
        });
        (&node.name, &node.resource)
    }
}
