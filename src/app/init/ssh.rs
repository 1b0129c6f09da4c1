//! Hosts from `~/.ssh/config`, with what it includes: each alias that has a `HostName` of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::found::{Found, list, quote, role, tier_of};
use crate::{
    domain::{
        entitlement::{Kind, RoleName},
        environment::Environment,
        failure::Result,
    },
    platform::files,
};

/// As deep as OpenSSH follows `Include` (`READCONF_MAX_DEPTH`).
const DEEPEST: usize = 16;
/// More files than anybody keeps.
const MOST_FILES: usize = 256;

/// One alias.
#[derive(Debug, Default)]
struct Host {
    aliases: Vec<String>,
    name: Option<String>,
    user: Option<String>,
}

pub(super) fn find(environment: &Environment, user: &str) -> Result<Vec<Found>> {
    let Some(directory) = environment.in_home(".ssh") else {
        return Ok(Vec::new());
    };
    let mut reader = Reader {
        directory,
        home: environment.home.clone().unwrap_or_default(),
        hosts: Vec::new(),
        files: 0,
    };
    let path = reader.directory.join("config");
    reader.read(&path, 0)?;
    let hosts = reader.hosts.iter();
    Ok(hosts.flat_map(|host| found(host, user)).collect())
}

fn found(host: &Host, user: &str) -> Vec<Found> {
    let Some(written) = &host.name else {
        return Vec::new();
    };
    let login = host.user.as_deref().unwrap_or(user);
    let Ok(login) = login.parse::<RoleName>() else {
        return Vec::new();
    };
    let aliases = host.aliases.iter();
    aliases
        .filter_map(|alias| {
            // Of the tokens only %h can be told without connecting (ssh_config(5), TOKENS).
            let name = written.replace("%h", alias);
            Some(Found {
                resource: Found::name(Kind::Ssh, alias)?,
                origin: format!("the host {} of ~/.ssh/config", quote(alias)),
                needs: None,
                keys: vec![("hosts", list([name.as_str()]))],
                roles: vec![(login.clone(), role(&[], tier_of(login.as_str())))],
                certificate: None,
            })
        })
        .collect()
}

struct Reader {
    directory: PathBuf,
    home: PathBuf,
    hosts: Vec<Host>,
    files: usize,
}

impl Reader {
    fn read(&mut self, path: &Path, depth: usize) -> Result<()> {
        self.files += 1;
        if depth > DEEPEST || self.files > MOST_FILES {
            return Ok(());
        }
        let text = files::read_text(path)?.unwrap_or_default();
        // What stands before the first Host, or in a Match, is of no host that can be named.
        let mut current = Host::default();
        for line in text.lines() {
            let (keyword, arguments) = words(line);
            let first = arguments.first().cloned();
            match keyword.to_ascii_lowercase().as_str() {
                "host" => {
                    self.hosts.push(current);
                    current = Host {
                        aliases: arguments
                            .into_iter()
                            .filter(|word| is_alias(word))
                            .collect(),
                        ..Host::default()
                    };
                }
                "match" => self.hosts.push(std::mem::take(&mut current)),
                "hostname" => current.name = current.name.or(first),
                "user" => current.user = current.user.or(first),
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
        self.hosts.push(current);
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
                found.iter_mut().for_each(|at| at.push(part.as_ref()));
            }
        }
        found.retain(|file| file.is_file());
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
