//! The tools that the resources are reached with: whether they are there, and new enough.

use std::{ffi::OsString, time::Duration};

use super::{finding::Finding, ground::Ground};
use crate::{
    domain::entitlement::Kind,
    platform::process::{Launch, find},
};

/// A Python program may need seconds to start on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// A tool.
#[derive(Debug)]
pub(super) struct Tool {
    /// Its name.
    pub(super) name: &'static str,
    kind: Kind,
    version: &'static [&'static str],
    /// The oldest version that does, and what it does not do before.
    least: Option<((u32, u32), &'static str)>,
    /// Whether its absence is worth a word.
    is_needed: bool,
}

const TOOLS: [Tool; 5] = [
    Tool {
        name: "ssh",
        kind: Kind::Ssh,
        version: &["-V"],
        least: Some(((8, 5), "what jit setup ssh writes")),
        is_needed: true,
    },
    Tool {
        name: "git",
        kind: Kind::Ssh,
        version: &["--version"],
        least: None,
        is_needed: false,
    },
    Tool {
        name: "kubectl",
        kind: Kind::Kubernetes,
        version: &["version", "--client", "--output=json"],
        least: Some(((1, 22), "credentials from a plugin of version 1")),
        is_needed: true,
    },
    Tool {
        name: "psql",
        kind: Kind::Postgres,
        version: &["--version"],
        least: None,
        is_needed: true,
    },
    Tool {
        name: "aws",
        kind: Kind::Aws,
        version: &["--version"],
        least: None,
        is_needed: true,
    },
];

/// The tools of the kinds that were asked about.
pub(super) fn of(ground: &Ground) -> impl Iterator<Item = &'static Tool> {
    TOOLS.iter().filter(|tool| ground.has(tool.kind))
}

/// What is to be said of a tool; nothing of one that is not there and need not be.
pub(super) fn look(tool: &Tool, ground: &Ground) -> Vec<Finding> {
    let name = tool.name;
    let program = match find(name.as_ref(), &ground.session.environment) {
        Ok(program) => program,
        Err(_) if !tool.is_needed => return Vec::new(),
        Err(failure) => {
            let kind = tool.kind;
            let says = format!("{failure}; it is what {kind} resources are reached with");
            return vec![Finding::note(name, says).hint(failure.hint)];
        }
    };
    let shown = ground.shown(&program);
    let launch = Launch {
        program,
        arguments: tool.version.iter().map(OsString::from).collect(),
        ..Launch::default()
    };
    let heard = match launch.attempt(PATIENCE) {
        Ok(heard) => heard,
        Err(failure) => return vec![Finding::failed(name, &failure)],
    };
    // ssh tells its version on stderr.
    let words = [heard.stdout, heard.stderr].concat();
    vec![
        match (version(&String::from_utf8_lossy(&words)), tool.least) {
            (Some(found), Some((least, what))) if found < least => Finding::warning(
                name,
                format!("{shown} is {}, which cannot take {what}", dotted(found)),
            )
            .hint(format!("update it to {} or later", dotted(least))),
            (Some(found), _) => Finding::good(name, format!("{} ({shown})", dotted(found))),
            (None, _) => Finding::note(name, format!("{shown} does not tell its version")),
        },
    ]
}

fn dotted((major, minor): (u32, u32)) -> String {
    format!("{major}.{minor}")
}

/// The first two numbers with a dot between them; kubectl's JSON names them apart, too, but also so.
fn version(words: &str) -> Option<(u32, u32)> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    words.split(|c| !is_part(c)).find_map(|word| {
        let (major, rest) = word.split_once('.')?;
        let minor = rest.split('.').next()?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_tools_write_them() {
        for (words, found) in [
            (
                "OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.14",
                Some((9, 2)),
            ),
            (
                "psql (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)",
                Some((15, 8)),
            ),
            ("git version 2.39.5", Some((2, 39))),
            ("aws-cli/2.15.30 Python/3.11.8", Some((2, 15))),
            (
                r#"{"clientVersion": {"major": "1", "minor": "36", "gitVersion": "v1.36.3"}}"#,
                Some((1, 36)),
            ),
            ("no numbers. at all", None),
            ("99999999999.1", None),
        ] {
            assert_eq!(version(words), found, "{words}");
        }
    }
}
