//! Where in a policy file something is wrong, and what Cedar says about it, in our words.

use miette::Diagnostic;

use super::vocabulary::Action;
use crate::domain::{
    failure::{Failure, did_you_mean},
    position::Position,
};

/// The file that a policy is in, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: usize,
    /// In bytes from the start of the file.
    pub(super) offset: usize,
}

impl Place {
    /// `FILE:LINE`
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// Cedar's complaint about a file that it cannot parse, or about a policy that is not valid. Where
/// Cedar names no place, it is `start`, the offset of the policy.
pub(super) fn complaint(
    file: &str,
    text: &str,
    start: usize,
    diagnostic: &dyn Diagnostic,
) -> Failure {
    let at = Position::of(text, offset(diagnostic).unwrap_or(start));
    let words = plain(&diagnostic.to_string());
    let words = without_action(&words);
    let message = match labelled(diagnostic) {
        Some(label) if !words.contains(&label) => format!("{words}, {label}"),
        _ => words,
    };
    let hint = diagnostic.help().map(|help| plain(&help.to_string()));
    let hint = hint.unwrap_or_else(|| "correct it, then run: jit policy check".to_owned());
    let near = if hint.starts_with("did you mean") {
        String::new()
    } else {
        near(&message, &hint)
    };
    Failure::failed(format!("{file}:{at}: {message}")).hint(format!("{near}{hint}"))
}

/// The nearest of the words that are right, which Cedar lists without choosing.
fn near(message: &str, hint: &str) -> String {
    let Some(word) = message.split('"').nth(1) else {
        return String::new();
    };
    if message.starts_with("unrecognized action") {
        return did_you_mean(word, Action::ALL.map(Action::as_str));
    }
    did_you_mean(word, hint.split('"').skip(1).step_by(2))
}

/// What is wrong for one action is wrong for each that the policy speaks of.
fn without_action(words: &str) -> String {
    let cut = words.split_once(" for Action::\"");
    let rest = cut.and_then(|(start, rest)| Some((start, rest.split_once('"')?.1)));
    rest.map_or_else(
        || words.to_owned(),
        |(start, rest)| format!("{start}{rest}"),
    )
}

/// One line, without the policy's id that Cedar begins with: the place says it already.
fn plain(words: &str) -> String {
    let words = one_line(words);
    let rest = words
        .strip_prefix("for policy `")
        .and_then(|rest| rest.split_once('`'));
    rest.map_or(words.as_str(), |(_, rest)| {
        rest.trim_start_matches([',', ':', ' '])
    })
    .to_owned()
}

fn offset(diagnostic: &dyn Diagnostic) -> Option<usize> {
    diagnostic.labels()?.map(|label| label.offset()).next()
}

fn labelled(diagnostic: &dyn Diagnostic) -> Option<String> {
    let label = diagnostic.labels()?.next()?;
    label.label().map(one_line)
}

/// The first of several lines; control characters stay out of the terminal.
pub(super) fn one_line(words: &str) -> String {
    let words = words.lines().next().unwrap_or_default();
    words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
