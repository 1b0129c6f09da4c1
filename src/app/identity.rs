//! The session at a server that rests sealed on this machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{sealed, session::Session};
use crate::{
    domain::{
        credential::Token,
        failure::{Code, Failure, Result},
        key::PrivateKey,
        time::Timestamp,
        way::Way,
    },
    platform::{files, lock::Lock},
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
    /// What its provider said when it refused to renew it: until somebody signs in again, it is used for
    /// nothing but to be replaced.
    #[serde(default)]
    pub refused: Option<String>,
    /// What the server says about this sign-in, once.
    #[serde(skip)]
    pub notes: Vec<String>,
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
    /// Until when the provider takes it, where it says so: an idle sign-in ends there.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// What a session is among what rests here.
const KIND: &str = "session";

/// The file of a server's session.
pub fn file(session: &Session, server: &str) -> PathBuf {
    sealed::file(session, KIND, server)
}

/// Nobody else changes it meanwhile.
pub fn alone(session: &Session, server: &str) -> Result<Lock> {
    files::private_directory(&session.places.state)?;
    Lock::soon(&file(session, server).with_added_extension("lock"))
}

/// Keeps a session.
pub fn keep(session: &Session, server: &str, kept: &Kept) -> Result<()> {
    sealed::write(session, KIND, server, kept)
}

/// What rests here; one that cannot be opened is none.
pub fn kept(session: &Session, server: &str) -> Result<Option<Kept>> {
    sealed::read(session, KIND, server)
}

/// Forgets a session on this machine.
pub fn forget(session: &Session, server: &str) -> Result<()> {
    files::remove(&file(session, server))
}

/// Sign-in is needed.
pub fn signed_out(why: impl Into<String>) -> Failure {
    Failure::new(Code::SignIn, why).hint("run: jit login")
}
