//! A server, asked by somebody whom it has let in.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    link::{Body, Call, Link, Shown},
    reply::Reply,
};
use crate::domain::{credential::Token, failure::Result, key::PrivateKey};

/// What a client has of its session: the token, and the key that it is bound to.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The token.
    pub token: Token,
    /// The key, born here.
    pub holder: PrivateKey,
}

/// A server, and who asks it.
pub struct Remote {
    pub(super) link: Link,
    identity: Identity,
}

impl Remote {
    /// The server on that line, asked by whom it let in.
    pub const fn new(link: Link, identity: Identity) -> Self {
        Self { link, identity }
    }

    /// The server's URL.
    pub fn server(&self) -> &str {
        self.link.server()
    }

    /// What the caller shows with each request.
    pub const fn shown(&self) -> Shown<'_> {
        Shown::Session(&self.identity.token, &self.identity.holder)
    }

    /// Makes a call.
    pub async fn call(&self, call: &Call<'_>) -> Result<Reply> {
        self.link.call(call).await
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(&self, path: impl Into<String>) -> Result<T> {
        self.call(&Call::get(path, self.shown())).await?.json()
    }

    /// Has something done; what came of it.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: impl Into<String>,
        body: &impl Serialize,
    ) -> Result<T> {
        let call = Call::post(path, Body::json(body)?, self.shown());
        self.call(&call).await?.json()
    }
}
