//! What goes wrong, as the person who reads it sees it: what happened, and what to do next.

use std::{error::Error, fmt, result};

use serde::Serialize;

/// The result of everything that can fail in a way that a user sees.
pub type Result<T, E = Failure> = result::Result<T, E>;

/// Why `jit` ends; its number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The command line makes no sense.
    Usage = 2,
    /// Policy, or a person, said no.
    Denied = 121,
    /// People have been asked and have not answered yet.
    Pending = 122,
    /// The caller has to sign in, or to sign in again.
    SignIn = 123,
    /// A target or an authority did not answer in time.
    TimedOut = 124,
    /// Anything else that `jit` could not do.
    Failed = 125,
    /// The tool was found but cannot be run.
    CannotRun = 126,
    /// The tool was not found.
    NotFound = 127,
}

/// What a caller may make of a failure beside reporting it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nature {
    /// Nothing.
    #[default]
    Final,
    /// The command reaches nothing that the catalogue has, so that it may run as it is.
    Stranger,
    /// Policy wants a reason and none was given, so that one may be asked for.
    Unexplained,
    /// Somebody else was first, or what it rested on has ended meanwhile.
    Conflict,
    /// The sign-in is older than policy wants: so many seconds are the oldest that will do.
    Stale(u32),
    /// What is needed does not answer just now; the same may succeed in a moment.
    Away,
    /// Whoever issued what the caller shows cannot be asked about it. The caller's own server answers, so that
    /// asking it again and again is of no use.
    IssuerAway,
    /// There is no such thing, or none that the caller may know of.
    Absent,
    /// The session or the grant that it rests on was ended early.
    Ended,
}

impl Nature {
    /// The oldest sign-in that would do, in seconds, where it is too old.
    pub const fn max_age(self) -> Option<u32> {
        match self {
            Self::Stale(seconds) => Some(seconds),
            Self::Final
            | Self::Stranger
            | Self::Unexplained
            | Self::Conflict
            | Self::Away
            | Self::IssuerAway
            | Self::Absent
            | Self::Ended => None,
        }
    }
}

/// One sentence on what happened, one hint on what to do next, and the private cause.
///
/// Message and hint are written for the person at the terminal and never hold a secret. The cause
/// (an operating system's or a library's own words) is shown behind the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// What happened, naming the thing; no capital at the start, no full stop at the end.
    pub message: String,
    /// What to do next; empty only where nothing can be advised.
    pub hint: String,
    /// The underlying error's own words, if there is one.
    pub cause: Option<String>,
    /// What a caller may make of it.
    pub nature: Nature,
}

impl Failure {
    /// A failure of `code`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: String::new(),
            cause: None,
            nature: Nature::Final,
        }
    }

    /// `jit` could not do its part (exit code 125).
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::Failed, message)
    }

    /// The command line, or something it names, makes no sense (exit code 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// Policy said no (exit code 121).
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Code::Denied, message)
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Says what a caller may make of it.
    #[must_use]
    pub const fn of_nature(mut self, nature: Nature) -> Self {
        self.nature = nature;
        self
    }

    /// The same, where nothing that the catalogue has is reached.
    #[must_use]
    pub const fn stranger(self) -> Self {
        self.of_nature(Nature::Stranger)
    }

    /// Adds the underlying error's own words, with those of its sources.
    #[must_use]
    pub fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        let mut words = cause.to_string();
        let mut source = cause.source();
        while let Some(inner) = source {
            let said = inner.to_string();
            if !words.contains(&said) {
                words = format!("{words}: {said}");
            }
            source = inner.source();
        }
        self.cause = Some(words);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {cause}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Error for Failure {}

/// The candidate nearest to `word`, if one is near enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// So many names are listed where there are more than twice as many.
const LISTED: usize = 5;

/// The candidates for a hint: all of a few; of many, those that are most like `word`, and how to list all.
pub fn listed<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let mut all: Vec<&str> = candidates.into_iter().collect();
    if all.len() <= 2 * LISTED {
        return all.join(", ");
    }
    let likeness = |candidate: &str| strsim::jaro_winkler(word, candidate);
    all.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    let more = all.len() - LISTED;
    all.truncate(LISTED);
    format!("{} and {more} more (all: jit list)", all.join(", "))
}

/// The start of a hint that names the nearest right word: `did you mean "x"? `, or nothing.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |near| format!("did you mean \"{near}\"? "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_the_five_nearest_are_listed() {
        let names: Vec<String> = (0..1500)
            .map(|number| format!("ssh/web-{number}"))
            .collect();
        let all = || names.iter().map(String::as_str);
        let listed_names = listed("ssh/web-77x", all());
        let (nearest, rest) = listed_names.split_once(" and ").unwrap();
        assert_eq!(nearest.split(", ").count(), 5);
        assert!(
            nearest.split(", ").any(|name| name == "ssh/web-77"),
            "{nearest}"
        );
        assert_eq!(rest, "1495 more (all: jit list)");
        assert_eq!(
            listed("x", all().take(3)),
            "ssh/web-0, ssh/web-1, ssh/web-2"
        );
        assert_eq!(listed("x", []), "");
    }
}
