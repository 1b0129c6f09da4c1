//! Who this run is at a server: the session that rests sealed on this machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::session::Session;
use crate::{
    cache,
    config::client,
    domain::{
        credential::Token,
        failure::{Code, Failure, Result},
        key::PrivateKey,
        time::Timestamp,
    },
    platform::{files, keyring},
    remote::session::Identity,
};

/// A session at a server as it rests here. It is only ever written sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Its token.
    pub token: Token,
    /// The key that the token is bound to.
    pub holder: PrivateKey,
    /// Until when.
    pub expires_at: Timestamp,
}

/// The file of a server's session.
pub fn file(session: &Session, server: &str) -> PathBuf {
    let name = format!("session.{}", client::short_name(server));
    session.places.state.join(name)
}

/// Keeps a session.
pub fn keep(session: &Session, server: &str, kept: &Kept) -> Result<()> {
    let key = keyring::durable_sealing_key(&cache::sealing_key_file(&session.places))?;
    let text = serde_json::to_vec(kept)
        .map_err(|error| Failure::failed("the session cannot be kept").because(&error))?;
    let text = zeroize::Zeroizing::new(text);
    files::private_directory(&session.places.state)?;
    files::write_private(&file(session, server), &key.seal(&name(server), &text)?)
}

/// The session that this run has at a server.
///
/// # Errors
/// Sign-in needed (123): there is none, or it has ended.
pub fn of(session: &Session, server: &str) -> Result<Identity> {
    let now = (session.clock)();
    let kept = kept(session, server)?
        .ok_or_else(|| signed_out(format!("you are not signed in at {server}")))?;
    if kept.expires_at <= now {
        return Err(signed_out(format!("your session at {server} has ended")));
    }
    Ok(Identity {
        token: kept.token,
        holder: kept.holder,
    })
}

/// What rests here; one that cannot be opened is none.
pub fn kept(session: &Session, server: &str) -> Result<Option<Kept>> {
    let Some(sealed) = files::read_private(&file(session, server))? else {
        return Ok(None);
    };
    let key = keyring::sealing_key(&cache::sealing_key_file(&session.places))?;
    let text = key.open(&name(server), &sealed);
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

fn name(server: &str) -> String {
    format!("session {}", server.trim_end_matches('/'))
}

fn signed_out(why: String) -> Failure {
    Failure::new(Code::SignIn, why).hint("run: jit login")
}
