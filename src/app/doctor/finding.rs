//! What a check found: that something is good, or what to do about it.

use serde::Serialize;

use crate::domain::failure::Failure;

/// How good it is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Level {
    /// As it should be.
    #[serde(rename = "ok")]
    Good,
    /// Good to know: nothing is wrong, and nothing was proved.
    #[serde(rename = "note")]
    Note,
    /// It works, but not as well or as safely as it could.
    #[serde(rename = "warn")]
    Warning,
    /// Something will not work, or is not safe.
    #[serde(rename = "fail")]
    Bad,
}

impl Level {
    /// The level as a line begins with it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Warning => "warn",
            Self::Bad => "fail",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// How good it is.
    pub(super) level: Level,
    /// What it is about: `keyring`, `ssh/web`, `kubectl`.
    pub(super) subject: String,
    /// What was found, naming things, never a secret.
    pub(super) says: String,
    /// What to do; absent where there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl Finding {
    /// Something as it should be.
    pub(super) fn good(subject: &(impl ToString + ?Sized), says: impl Into<String>) -> Self {
        Self::new(Level::Good, subject, says)
    }

    /// Something good to know.
    pub(super) fn note(subject: &(impl ToString + ?Sized), says: impl Into<String>) -> Self {
        Self::new(Level::Note, subject, says)
    }

    /// Something that could be better.
    pub(super) fn warning(subject: &(impl ToString + ?Sized), says: impl Into<String>) -> Self {
        Self::new(Level::Warning, subject, says)
    }

    /// Something that will not work.
    pub(super) fn bad(subject: &(impl ToString + ?Sized), says: impl Into<String>) -> Self {
        Self::new(Level::Bad, subject, says)
    }

    /// A failure, with its own hint.
    pub(super) fn failed(subject: &(impl ToString + ?Sized), failure: &Failure) -> Self {
        Self::bad(subject, failure.to_string()).hint(&failure.hint)
    }

    /// Adds what to do.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into()).filter(|hint| !hint.is_empty());
        self
    }

    /// The same on the client of a server, where the catalogue is not written.
    pub(super) fn away_from_the_catalogue(&mut self) {
        let hint = self.hint.take();
        let file = "authority.toml";
        self.hint = hint.map(|hint| hint.replace(file, &format!("the server's {file}")));
    }

    fn new(level: Level, subject: &(impl ToString + ?Sized), says: impl Into<String>) -> Self {
        Self {
            level,
            subject: subject.to_string(),
            says: says.into(),
            hint: None,
        }
    }
}
