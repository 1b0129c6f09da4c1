//! What every kind's setup stands on: the session, the catalogue, and how a hook calls jit.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::edit::Edit;
use crate::{
    app::{served, session::Session},
    config::places,
    domain::{
        catalogue::Catalogue,
        environment::Environment,
        failure::{Failure, Result},
    },
    platform::process::own_file,
};

/// What one kind's files should be.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The files that are not so yet.
    pub(super) edits: Vec<Edit>,
    /// What setup cannot do or the user should know, one sentence each.
    pub(super) notes: Vec<String>,
}

/// What a plan is made from.
pub(super) struct Ground<'a> {
    /// This run.
    pub(super) session: &'a Session,
    /// What can be reached.
    pub(super) catalogue: Catalogue,
    /// How a hook calls jit: the absolute path of this program, and `--config-dir DIR` where the
    /// configuration is not in its usual place. Every word is text.
    pub(super) program: Vec<String>,
}

impl<'a> Ground<'a> {
    /// The ground of this run.
    ///
    /// # Errors
    /// The catalogue cannot be read, or jit's own path is not text.
    pub(super) fn of(session: &'a Session) -> Result<Self> {
        Self::with(session, session.catalogue()?)
    }

    /// The same with what a server has by now: what is written from it stays.
    ///
    /// # Errors
    /// As above.
    pub(super) fn now(session: &'a Session) -> Result<Self> {
        Self::with(session, served::newest(session)?)
    }

    fn with(session: &'a Session, catalogue: Catalogue) -> Result<Self> {
        Ok(Self {
            session,
            catalogue,
            program: program(session)?,
        })
    }

    /// The process's surroundings.
    pub(super) const fn environment(&self) -> &'a Environment {
        &self.session.environment
    }

    /// A file of ours that a hook needs.
    pub(super) fn own(&self, name: &str) -> PathBuf {
        self.session.places.state.join("setup").join(name)
    }

    /// A file below the home directory.
    ///
    /// # Errors
    /// There is no home directory.
    pub(super) fn in_home(&self, path: &str) -> Result<PathBuf> {
        self.environment().in_home(path).ok_or_else(|| {
            Failure::failed("there is no home directory").hint("set HOME to an absolute path")
        })
    }
}

fn program(session: &Session) -> Result<Vec<String>> {
    let mut words = vec![text(&own_file()?)?];
    let configuration = &session.places.configuration;
    let mut usual = session.environment.clone();
    usual.variables.remove(OsStr::new("JIT_CONFIG_DIR"));
    if !places::find(&usual, None).is_ok_and(|usual| usual.configuration == *configuration) {
        let absolute = session.environment.directory.join(configuration);
        words.extend(["--config-dir".to_owned(), text(&absolute)?]);
    }
    Ok(words)
}

/// A path as the files of other programs can hold it.
fn text(path: &Path) -> Result<String> {
    let plain = path
        .to_str()
        .filter(|text| !text.contains(char::is_control));
    plain.map(str::to_owned).ok_or_else(|| {
        Failure::failed(format!(
            "{} cannot be written into a configuration",
            path.display()
        ))
        .hint("move it to a path of plain UTF-8 text")
    })
}
