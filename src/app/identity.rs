//! The session at a server that rests sealed on this machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::session::Session;
use crate::{
    cache,
    config::client,
    domain::{
        credential::Token,
        failure::{Code, Failure, Result},
        key::PrivateKey,
        time::Timestamp,
        way::Way,
    },
    platform::{files, keyring, lock::Lock},
    protocol::session::Provider,
};

/// A session at a server as it rests here. It is only ever written sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Its token.
    pub token: Token,
    /// The key that the token is bound to.
    pub holder: PrivateKey,
    /// Until when.
    pub expires_at: Timestamp,
    /// When whoever vouched for it is to be asked again, where they must be.
    #[serde(default)]
    pub renew_at: Option<Timestamp>,
    /// Who it is for, as a person writes it.
    #[serde(default)]
    pub principal: String,
    /// Where its next ID token comes from, without anybody's doing.
    #[serde(default)]
    pub refresh: Option<Refresh>,
    /// The identity of the machine that opened it, where one did.
    #[serde(default)]
    pub by: Option<By>,
}

/// By which identity a machine came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// Of which kind.
    pub way: Way,
    /// What tells it from another of its kind.
    pub mark: String,
}

/// What an OpenID provider gives its next ID token for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refresh {
    /// The provider.
    pub provider: Provider,
    /// The refresh token, which nobody but the provider is ever shown.
    pub token: Token,
}

/// The file of a server's session.
pub fn file(session: &Session, server: &str) -> PathBuf {
    let name = format!("session.{}", client::short_name(server));
    session.places.state.join(name)
}

/// Nobody else changes it meanwhile.
pub fn alone(session: &Session, server: &str) -> Result<Lock> {
    files::private_directory(&session.places.state)?;
    let name = format!("session.{}.lock", client::short_name(server));
    Lock::soon(&session.places.state.join(name))
}

/// Keeps a session.
pub fn keep(session: &Session, server: &str, kept: &Kept) -> Result<()> {
    let key = keyring::durable_sealing_key(&cache::sealing_key_file(&session.places))?;
    let text = serde_json::to_vec(kept)
        .map_err(|error| Failure::failed("the session cannot be kept").because(&error))?;
    let text = Zeroizing::new(text);
    files::private_directory(&session.places.state)?;
    files::write_private(&file(session, server), &key.seal(&name(server), &text)?)
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

/// Forgets a session on this machine.
pub fn forget(session: &Session, server: &str) -> Result<()> {
    files::remove(&file(session, server))
}

fn name(server: &str) -> String {
    format!("session {}", server.trim_end_matches('/'))
}

/// Sign-in is needed.
pub fn signed_out(why: impl Into<String>) -> Failure {
    Failure::new(Code::SignIn, why).hint("run: jit login")
}
