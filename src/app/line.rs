//! The line to a server, whoever asks over it.

use super::session::Session;
use crate::{
    domain::failure::{Failure, Result},
    platform::files,
    remote::{
        link::{Link, Way},
        patience::Patience,
    },
};

/// A line to a server, known by what config.toml pins.
pub fn to(session: &Session, server: &str, patience: Patience) -> Result<Link> {
    let authority = authority(session)?;
    let authority = authority.as_ref().map(String::as_bytes);
    Link::to(&Way {
        server,
        authority,
        patience,
        // A hook is silent by itself.
        watched: true,
        clock: session.clock,
    })
}

/// The authority that config.toml pins, PEM.
pub fn authority(session: &Session) -> Result<Option<String>> {
    let Some(file) = &session.config()?.certificate_authority else {
        return Ok(None);
    };
    // Whoever could write it would say which server is believed.
    let path = session.places.configuration.join(file);
    let text = files::read_trusted(&path)?.ok_or_else(|| {
        Failure::failed(format!("{} is not there", path.display()))
            .hint("put it there, or correct `certificate_authority` in config.toml")
    })?;
    Ok(Some(text))
}
