//! Every command of ours that a hint, a message or an example names is one that the grammar takes.

use std::{fs, path::Path};

use super::*;
use crate::platform::shell_words;

/// What stands for what a message fills in, and for words that its reader replaces.
const EXAMPLES: [&str; 9] = [
    "",
    "ssh/web:deploy",
    "ssh/web",
    "deploy",
    "workload",
    "01m8a92dr6194zb9aa8rkqp2za",
    "a5a6000000000000000000000000000000000000000000000000000000000000",
    "https://jit.example.com",
    "aws",
];

/// Mentions of a verb that are no command to run.
const MENTIONS: [&str; 6] = [
    "jit delegate",
    "jit exec",
    "jit exec --",
    "jit goes on there. You may close this page.",
    "jit serve backup",
    "jit trust",
];

/// The strings of a source, without those of its tests and comments.
fn strings(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let (mut strings, mut rest) = (Vec::new(), source);
    while let Some(at) = rest.find(['"', '/', '\'', 'r']) {
        let here = &rest[at..];
        rest = if here.starts_with("//") {
            &here[here.find('\n').unwrap_or(here.len())..]
        } else if let Some(raw) = here.strip_prefix("r#\"") {
            let (text, behind) = raw.split_once("\"#").unwrap();
            strings.push(text.to_owned());
            behind
        } else if let Some(inside) = here.strip_prefix('"') {
            let (text, behind) = unescaped(inside);
            strings.push(text);
            behind
        } else if here.starts_with("'\"'") || here.starts_with("'\\''") {
            here.trim_start_matches('\'').split_once('\'').unwrap().1
        } else {
            &here[1..]
        };
    }
    strings
}

/// A string's text up to its closing quote, and what is behind that.
fn unescaped(inside: &str) -> (String, &str) {
    let (mut text, mut rest) = (String::new(), inside.chars());
    loop {
        match rest.next().expect("a closing quote") {
            '"' => return (text, rest.as_str()),
            '\\' => match rest.next().unwrap() {
                'n' => text.push('\n'),
                '\n' => rest = rest.as_str().trim_start().chars(),
                c => text.push(c),
            },
            c => text.push(c),
        }
    }
}

/// The commands that a text names, with whether each is quoted: `run: jit status`, `"jit list" shows`.
fn commands(text: &str) -> Vec<String> {
    let text = text.replace("{{", "{").replace("}}", "}");
    let text = text.replace("kind/name", "KIND/NAME");
    let mut found = Vec::new();
    for (at, _) in text.match_indices("jit ") {
        let (before, after) = text.split_at(at);
        let ends: &[&str] = match before.chars().last() {
            Some('"') => &["\""],
            Some('`') => &["`"],
            Some('(') => &[")", "\n"],
            _ if [": ", "\n  ", ", then ", "-- "]
                .iter()
                .any(|start| before.ends_with(start)) =>
            {
                &[";", ", ", ")", "\n", " | ", " > ", " (", " && ", "  "]
            }
            _ => continue,
        };
        let end = ends.iter().filter_map(|end| after.find(end)).min();
        found.push(after[..end.unwrap_or(after.len())].trim_end().to_owned());
    }
    found
}

/// What is filled in: `{name}`, `NAME`, `…`.
fn is_filled_in(part: &str) -> bool {
    let is_name = part.chars().all(|c| c.is_ascii_uppercase());
    part.starts_with('{') || part == "…" || (is_name && !part.is_empty())
}

/// A command in its parts: what is filled in, and what stands between.
fn parts(command: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let bounds = |c: char| !(c.is_ascii_alphanumeric() || c == '…');
    let mut at = 0;
    while at < command.len() {
        let rest = &command[at..];
        let length = if rest.starts_with('{') {
            rest.find('}').map_or(rest.len(), |end| end + 1)
        } else {
            rest.find(bounds)
                .filter(|end| *end > 0)
                .unwrap_or_else(|| rest.chars().next().unwrap().len_utf8())
        };
        if is_filled_in(&rest[..length]) {
            parts.push(&command[start..at]);
            parts.push(&rest[..length]);
            start = at + length;
        }
        at += length;
    }
    parts.push(&command[start..]);
    parts
}

/// Whether the grammar takes the command, with something filled in.
fn is_taken(command: &str) -> bool {
    let parts = parts(command);
    let blanks = parts.iter().filter(|part| is_filled_in(part)).count();
    let tried = EXAMPLES.len().pow(u32::try_from(blanks).unwrap());
    (0..tried).any(|mut number| {
        let filled = parts.iter().map(|part| {
            if !is_filled_in(part) {
                return *part;
            }
            let example = EXAMPLES[number % EXAMPLES.len()];
            number /= EXAMPLES.len();
            example
        });
        let filled: String = filled.collect();
        let words = shell_words::split(&filled).unwrap_or_default();
        let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        match parse(&words) {
            Ok(_) => true,
            Err(error) => {
                [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion].contains(&error.kind())
            }
        }
    })
}

fn sources(directory: &Path) -> Vec<String> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name == "tests" {
        } else if path.is_dir() {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            sources.push(fs::read_to_string(path).unwrap());
        }
    }
    sources
}

#[test]
fn every_command_that_a_message_names_is_one_that_the_grammar_takes() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let mut named: Vec<String> = sources
        .iter()
        .flat_map(|source| strings(source))
        .flat_map(|text| commands(&text))
        .collect();
    named.sort();
    named.dedup();
    assert!(named.len() > 120, "{} were found", named.len());
    let wrong = named
        .iter()
        .filter(|command| !MENTIONS.contains(&command.as_str()) && !is_taken(command));
    let wrong: Vec<&String> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_verb_or_a_flag_that_does_not_exist_is_told() {
    for (command, is_right) in [
        ("jit request {entitlement} -j WHY", true),
        ("jit request {entitlement} --because WHY", false),
        ("jit renew {entitlement}", false),
        ("jit forget", false),
        ("jit serve recover --from-issuer {source} -j WHY", true),
        ("jit enrolments remove {}/{}", true),
        ("jit exec --on ssh/NAME -- git …", true),
    ] {
        assert_eq!(is_taken(command), is_right, "{command}");
    }
    let text = "hint(\"say why: jit deny ID -j WHY; \\\"jit list\\\" shows (jit login) more\") // \"jit x\"";
    let found: Vec<String> = strings(text).iter().flat_map(|one| commands(one)).collect();
    assert_eq!(found, ["jit deny ID -j WHY", "jit list", "jit login"]);
}
