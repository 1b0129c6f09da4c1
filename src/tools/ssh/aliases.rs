//! The user's own configuration of ssh, as far as it names hosts: `~/.ssh/config` with what it includes.

use std::{
    fs, mem,
    path::{Path, PathBuf},
};

use super::setup;
use crate::{
    domain::{
        environment::{Environment, Places},
        failure::Result,
    },
    platform::files,
};

/// As deep as OpenSSH follows `Include` (`READCONF_MAX_DEPTH`).
const DEEPEST: usize = 16;
/// More files than anybody keeps.
const MOST_FILES: usize = 256;

/// A `Host` block, or what stands before the first one.
#[derive(Debug, Default)]
pub struct Block {
    /// The patterns of its line; none for a `Match`, of which nobody can tell without connecting.
    pub patterns: Vec<String>,
    /// Its `HostName`.
    pub name: Option<String>,
    /// Its `User`.
    pub user: Option<String>,
    /// Its first `IdentityFile`.
    pub key: Option<String>,
}

impl Block {
    /// Whether it is of `Match`, and gives a name to hosts that nobody can tell without connecting.
    pub fn renames_unseen(&self) -> bool {
        self.patterns.is_empty() && self.name.is_some()
    }

    /// What stands before and behind the host as it is named, where the block gives a name to a pattern
    /// of hosts: `Host web-*` with `HostName %h.example.com`.
    pub fn template(&self) -> Option<(&str, &str)> {
        let has_pattern = self
            .patterns
            .iter()
            .any(|pattern| pattern.contains(['*', '?']));
        let template = self.name.as_deref().filter(|_| has_pattern)?;
        template.split_once("%h")
    }

    /// Whether it is for that host, as it is named.
    pub fn is_for(&self, alias: &str) -> bool {
        let matches = |pattern: &str| is_match(pattern.as_bytes(), alias.as_bytes());
        let (not, yes): (Vec<&str>, Vec<&str>) = self
            .patterns
            .iter()
            .map(String::as_str)
            .partition(|pattern| pattern.starts_with('!'));
        yes.into_iter().any(matches)
            && !not
                .iter()
                .any(|pattern| matches(pattern.trim_start_matches('!')))
    }
}

/// The blocks of the user's configuration, in their order; not those that setup made.
pub fn read(environment: &Environment, places: &Places) -> Result<Vec<Block>> {
    let Some(directory) = environment.in_home(".ssh") else {
        return Ok(Vec::new());
    };
    let mut reader = Reader {
        directory,
        home: environment.home.clone().unwrap_or_default(),
        own: setup::ssh_config(places),
        ..Reader::default()
    };
    let path = reader.directory.join("config");
    reader.read(&path, 0)?;
    Ok(reader.blocks)
}

/// The blocks that setup made.
pub fn made(places: &Places) -> Result<Vec<Block>> {
    let mut reader = Reader::default();
    reader.read(&setup::ssh_config(places), 0)?;
    // What stands before the first Host says nothing.
    Ok(reader.blocks.into_iter().skip(1).collect())
}

/// The names that stand for one host, each once.
pub fn aliases(blocks: &[Block]) -> Vec<&str> {
    let patterns = blocks.iter().flat_map(|block| &block.patterns);
    let mut aliases = Vec::new();
    for alias in patterns.filter(|pattern| is_alias(pattern)) {
        if !aliases.contains(&alias.as_str()) {
            aliases.push(alias.as_str());
        }
    }
    aliases
}

/// The name that the user gave a host, if there is one.
pub fn name_of<'a>(blocks: &'a [Block], host: &str) -> Option<&'a str> {
    let mut aliases = aliases(blocks).into_iter();
    aliases.find(|alias| hostname(blocks, alias).as_deref() == Some(host))
}

/// The `HostName` that OpenSSH takes for an alias: the first of all blocks that are for it. Of the
/// tokens only `%h` can be told without connecting (`ssh_config(5)`, TOKENS).
pub fn hostname(blocks: &[Block], alias: &str) -> Option<String> {
    let mut matching = blocks.iter().filter(|block| block.is_for(alias));
    let name = matching.find_map(|block| block.name.as_deref())?;
    Some(name.replace("%h", alias))
}

#[derive(Debug, Default)]
struct Reader {
    directory: PathBuf,
    home: PathBuf,
    own: PathBuf,
    blocks: Vec<Block>,
    files: usize,
}

impl Reader {
    /// Reads a file of blocks. What it includes in the middle of a block counts before that block.
    fn read(&mut self, path: &Path, depth: usize) -> Result<()> {
        self.files += 1;
        if depth > DEEPEST || self.files > MOST_FILES {
            return Ok(());
        }
        let text = files::read_text(path)?.unwrap_or_default();
        // What stands before the first Host is for every host.
        let mut current = Block {
            patterns: vec!["*".to_owned()],
            ..Block::default()
        };
        for line in text.lines() {
            let (keyword, arguments) = words(line);
            let first = arguments.first().cloned();
            match keyword.to_ascii_lowercase().as_str() {
                "host" => {
                    self.blocks.push(current);
                    current = Block {
                        patterns: arguments,
                        ..Block::default()
                    };
                }
                "match" => self.blocks.push(mem::take(&mut current)),
                "hostname" => current.name = current.name.or(first),
                "user" => current.user = current.user.or(first),
                "identityfile" => current.key = current.key.or(first),
                "include" => {
                    for pattern in arguments {
                        for file in self.glob(&pattern) {
                            self.read(&file, depth + 1)?;
                        }
                    }
                }
                _ => {}
            }
        }
        self.blocks.push(current);
        Ok(())
    }

    /// The files that an `Include` names, in lexical order.
    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let path = match pattern.strip_prefix("~/") {
            Some(below) => self.home.join(below),
            None => self.directory.join(pattern),
        };
        let mut found = vec![PathBuf::from("/")];
        for part in path.iter().skip(1) {
            let part = part.to_string_lossy();
            if part.contains(['*', '?']) {
                found = found.iter().flat_map(|at| matching(at, &part)).collect();
            } else {
                for at in &mut found {
                    at.push(part.as_ref());
                }
            }
        }
        found.retain(|file| *file != self.own && file.is_file());
        found
    }
}

fn matching(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // As in glob(7), a leading dot is matched by a dot only.
            name.starts_with('.') == pattern.starts_with('.')
                && is_match(pattern.as_bytes(), name.as_bytes())
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort_unstable();
    paths
}

/// `*` is any run of bytes, `?` any one; linear in the product of both lengths.
fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    let mut reached = vec![false; name.len() + 1];
    reached.iter_mut().take(1).for_each(|start| *start = true);
    for byte in pattern {
        let mut before = false;
        for (at, here) in reached.iter_mut().enumerate() {
            let was = *here;
            let arrived = at
                .checked_sub(1)
                .and_then(|at| name.get(at))
                .is_some_and(|letter| before && (byte == letter || *byte == b'?'));
            *here = if *byte == b'*' {
                was || before
            } else {
                arrived
            };
            before = if *byte == b'*' { *here } else { was };
        }
    }
    reached.last().copied().unwrap_or_default()
}

fn is_alias(word: &str) -> bool {
    !word.contains(['*', '?', '!', ',']) && !word.is_empty()
}

/// Keyword and arguments of a line: separated by white space or one `=`, arguments perhaps quoted.
fn words(line: &str) -> (String, Vec<String>) {
    let line = line.trim();
    if line.starts_with('#') {
        return (String::new(), Vec::new());
    }
    let end = line
        .find(|c: char| c.is_whitespace() || c == '=')
        .unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let mut rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let mut arguments = Vec::new();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        arguments.push(word.to_owned());
        rest = after.trim_start();
    }
    (keyword.to_owned(), arguments)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_as_glob_has_it() {
        for (pattern, name) in [
            ("*", ""),
            ("*.conf", "a.conf"),
            ("a?c", "abc"),
            ("a*b*c", "axxbyyc"),
            ("abc", "abc"),
        ] {
            assert!(
                is_match(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
        for (pattern, name) in [
            ("", "a"),
            ("?", ""),
            ("*.conf", "a.con"),
            ("a?c", "ac"),
            ("a*b", "abc"),
            ("abc", "ab"),
        ] {
            assert!(
                !is_match(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in ".{0,60}") {
            let _words = words(&line);
        }
    }
}
