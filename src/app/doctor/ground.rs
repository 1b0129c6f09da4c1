//! What every check stands on: the session, what was written, and what is asked about.

use std::path::Path;

use crate::{
    app::session::Session,
    config::policies,
    domain::{
        catalogue::{Catalogue, Resource},
        entitlement::{Kind, ResourceName},
        failure::Result,
    },
    policy::set::Policies,
};

/// What the checks are given.
pub(super) struct Ground {
    /// This run.
    pub(super) session: Session,
    /// What can be reached; empty where it cannot be read.
    pub(super) catalogue: Catalogue,
    /// Who may have what; absent where it cannot be read.
    pub(super) policies: Option<Policies>,
    /// The server that decides instead of this machine, if config.toml names one.
    pub(super) server: Option<String>,
    /// Whether all of the catalogue was asked about.
    pub(super) is_whole: bool,
    /// What was asked about, where that is not all.
    only: Vec<ResourceName>,
}

impl Ground {
    /// The ground of a run that asks about `only` these resources, or all.
    ///
    /// # Errors
    /// Usage: one of them is not in the catalogue. Where all are asked about, a catalogue that cannot
    /// be read is no error: a check says so.
    pub(super) fn of(session: &Session, only: &[ResourceName]) -> Result<Self> {
        let is_whole = only.is_empty();
        let catalogue = match session.catalogue() {
            Err(failure) if !is_whole => return Err(failure),
            read => read.unwrap_or_default(),
        };
        for name in only {
            catalogue.resource(name)?;
        }
        let policies = policies::load(&session.places).and_then(|all| Policies::parse(&all));
        Ok(Self {
            server: session.server().ok().flatten().map(str::to_owned),
            session: session.clone(),
            catalogue,
            policies: policies.ok(),
            is_whole,
            only: only.to_vec(),
        })
    }

    /// Whether a resource of that kind was asked about.
    pub(super) fn has(&self, kind: Kind) -> bool {
        self.resources().any(|(name, _)| name.kind() == kind)
    }

    /// The resources that were asked about.
    pub(super) fn resources(&self) -> impl Iterator<Item = (&ResourceName, &Resource)> {
        let all = self.catalogue.resources.0.iter();
        all.filter(|(name, _)| self.is_whole || self.only.contains(name))
    }

    /// A path as people write it: `~` for the home directory.
    pub(super) fn shown(&self, path: &Path) -> String {
        let home = self.session.environment.home.as_deref();
        let below = home.and_then(|home| path.strip_prefix(home).ok());
        below.map_or_else(
            || path.display().to_string(),
            |below| format!("~/{}", below.display()),
        )
    }
}
