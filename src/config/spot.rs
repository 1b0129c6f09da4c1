//! The spot of a mistake in a TOML file: its line, its table, and the nearest right word.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer, Error},
};

use crate::domain::{
    entitlement::{ResourceName, RoleName},
    failure::{Failure, Result, did_you_mean},
    position::Position,
};

/// A TOML file: its name in messages, and its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Table<'_> {
    /// The line of a byte.
    pub(super) fn line(&self, offset: usize) -> usize {
        Position::of(self.text, offset).line
    }

    /// The byte at which what `path` leads to is written; as far as the path leads.
    pub(super) fn find(&self, path: &[String]) -> usize {
        let Ok(root) = DeTable::parse(self.text) else {
            return 0;
        };
        let mut at = 0;
        let mut here = root.get_ref().iter().collect::<Vec<_>>();
        let mut steps = path.iter();
        while let Some(step) = steps.next() {
            let found = here.into_iter().find(|(key, _)| key.get_ref() == step);
            let Some((key, value)) = found else {
                return at;
            };
            at = key.span().start;
            here = match value.get_ref() {
                DeValue::Table(table) => table.iter().collect(),
                DeValue::Array(items) => {
                    let number = steps.next().and_then(|step| step.parse().ok());
                    let item: Option<&Spanned<DeValue<'_>>> =
                        number.and_then(|number: usize| items.get(number));
                    let Some(item) = item else {
                        return at;
                    };
                    at = item.span().start;
                    let DeValue::Table(table) = item.get_ref() else {
                        return at;
                    };
                    table.iter().collect()
                }
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => return at,
            };
        }
        at
    }

    /// The header of the table that a byte is in, in words: ` in [exec]`, or nothing.
    fn within(&self, offset: usize) -> String {
        let lines = self.text.lines().take(self.line(offset));
        let header = lines
            .filter(|line| line.trim_start().starts_with('['))
            .last();
        header.map_or_else(String::new, |header| {
            let header = header.split('#').next().unwrap_or_default();
            format!(" in {}", printable(header))
        })
    }

    fn cut(&self, span: &Range<usize>) -> &str {
        let text = self.text.get(span.clone()).unwrap_or_default();
        text.trim_matches(['"', '\''])
    }
}

/// Reads a TOML file strictly.
///
/// # Errors
/// The message begins with `FILE:LINE`; the hint has the nearest right word.
pub(super) fn read<T: DeserializeOwned>(table: Table<'_>) -> Result<T> {
    let parsed = DeTable::parse(table.text).map_err(|error| failure(table, &error))?;
    T::deserialize(Deserializer::from(parsed)).map_err(|error| failure(table, &error))
}

fn failure(table: Table<'_>, error: &Error) -> Failure {
    let span = error.span().unwrap_or(0..0);
    let (what, hint) = words(table, error.message(), &span);
    let line = table.line(span.start);
    Failure::failed(format!("{}:{line}: {what}", table.file)).hint(hint)
}

/// What is wrong and what would be right, from serde's and our own words.
fn words(table: Table<'_>, message: &str, span: &Range<usize>) -> (String, String) {
    let named: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let within = table.within(span.start);
    match named.split_first() {
        Some((word, keys)) if message.starts_with("unknown field") => {
            let near = did_you_mean(word, keys.iter().copied());
            let hint = format!("{near}its keys are {}", keys.join(", "));
            (format!("unknown key {word:?}{within}"), hint)
        }
        Some((word, values)) if message.starts_with("unknown variant") => {
            let near = did_you_mean(word, values.iter().copied());
            let hint = format!("{near}it may be {}", values.join(", "));
            (format!("{word:?} makes no sense here{within}"), hint)
        }
        Some((word, _)) if message.starts_with("missing field") => (
            format!("{word:?} is missing{within}"),
            format!("add {word} = …"),
        ),
        _ if message.starts_with("invalid type") => {
            let (what, hint) = wrong_type(table, message, span);
            (format!("{what}{within}"), hint)
        }
        _ => (
            format!("{}{within}", printable(message)),
            own_hint(table.cut(span), message),
        ),
    }
}

/// Serde's words for types are Rust's; these are TOML's.
fn wrong_type(table: Table<'_>, message: &str, span: &Range<usize>) -> (String, String) {
    let expected = match message.rsplit("expected ").next().unwrap_or_default() {
        "a string" => "text in quotes, \"…\"",
        "a sequence" => "a list, [\"…\"]",
        "a map" => "a table, { … }",
        word if word.starts_with("struct") => "a table, { … }",
        word => word,
    };
    let line = table.text.lines().nth(table.line(span.start) - 1);
    let key = line
        .and_then(|line| line.split('=').next())
        .unwrap_or_default();
    // The value itself is not repeated: it may be a secret in the wrong place.
    let key = printable(key.trim());
    (
        format!("{key:?} has the wrong type"),
        format!("write it as {expected}"),
    )
}

/// The hint of a name that cannot be: serde carries only its message.
fn own_hint(text: &str, message: &str) -> String {
    let failures = [
        text.parse::<ResourceName>().err(),
        text.parse::<RoleName>().err(),
    ];
    let own = failures
        .into_iter()
        .flatten()
        .find(|failure| failure.message == message);
    own.map_or_else(
        || "correct it, then run: jit policy check".to_owned(),
        |failure| failure.hint,
    )
}

fn printable(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default().trim();
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
