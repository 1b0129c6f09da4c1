//! Everything that the user's own tools know.

use super::{aws, found::Found, known, kubernetes, postgres, ssh};
use crate::{
    app::session::Session,
    config::account,
    domain::{catalogue::Catalogue, failure::Result},
};

/// What was found, and what could not be read, and why.
#[derive(Debug, Default)]
pub(super) struct Finds {
    /// The resources; what is known for certain before what is guessed.
    pub(super) found: Vec<Found>,
    /// One sentence for each file.
    pub(super) unreadable: Vec<String>,
    /// One sentence for each pattern of hosts that is not proposed.
    pub(super) patterns: Vec<String>,
}

impl Finds {
    /// Everything that is not proposed, and why.
    pub(super) fn skipped(&self) -> Vec<String> {
        [&self.unreadable, &self.patterns]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

/// Looks everywhere. A file that cannot be read keeps the others from nothing.
pub(super) fn all(session: &Session) -> Result<Finds> {
    let environment = &session.environment;
    let user = account::caller(&Catalogue::default())?.principal;
    let sought = [
        ssh::find(environment, &session.places, user.name()),
        kubernetes::find(environment),
        postgres::find(environment),
        aws::find(environment),
        postgres::passwords(environment),
        aws::keys(environment),
        known::find(environment, user.name()),
    ];
    let mut finds = Finds {
        patterns: ssh::patterns(environment, &session.places).unwrap_or_default(),
        ..Finds::default()
    };
    for found in sought {
        match found {
            Ok(found) => finds.found.extend(found),
            Err(failure) => {
                let said = failure.to_string();
                if !finds.unreadable.contains(&said) {
                    finds.unreadable.push(said);
                }
            }
        }
    }
    Ok(finds)
}
