//! What rests sealed in the state directory, one of a kind for each server: sessions and keys.

use std::path::PathBuf;

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::session::Session;
use crate::{
    cache,
    config::client,
    domain::failure::{Failure, Result},
    platform::{files, keyring},
};

/// The file of what is of that `kind` for a server: `session.HASH`.
pub fn file(session: &Session, kind: &str, server: &str) -> PathBuf {
    let name = format!("{kind}.{}", client::short_name(server));
    session.places.state.join(name)
}

/// Writes it, sealed as what it is and for whom.
pub fn write(session: &Session, kind: &str, server: &str, what: &impl Serialize) -> Result<()> {
    let key = keyring::durable_sealing_key(&cache::sealing_key_file(&session.places))?;
    let text = serde_json::to_vec(what)
        .map_err(|error| Failure::failed(format!("the {kind} cannot be kept")).because(&error))?;
    let text = Zeroizing::new(text);
    files::private_directory(&session.places.state)?;
    let sealed = key.seal(&name(kind, server), &text)?;
    files::write_private(&file(session, kind, server), &sealed)
}

/// What rests here; one that cannot be opened is none.
pub fn read<T: DeserializeOwned>(session: &Session, kind: &str, server: &str) -> Result<Option<T>> {
    let Some(sealed) = files::read_private(&file(session, kind, server))? else {
        return Ok(None);
    };
    let key = keyring::sealing_key(&cache::sealing_key_file(&session.places))?;
    let text = key.open(&name(kind, server), &sealed);
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

fn name(kind: &str, server: &str) -> String {
    format!("{kind} {}", server.trim_end_matches('/'))
}
