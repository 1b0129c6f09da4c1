//! Elevations at a server: ask, claim what was approved, renew.

use serde::Serialize;

use super::{
    checked::{self, Asked},
    reply::foreign,
    session::Remote,
};
use crate::{
    domain::{
        credential::{Credential, Token},
        elevation::{Grant, State},
        entitlement::Entitlement,
        failure::{Code, Failure, Result},
        id::GrantId,
        key::PublicKey,
    },
    protocol::{
        elevation::{CredentialRequest, ElevationRequest, ElevationView, From},
        path,
    },
};

/// What came of asking.
pub enum Outcome {
    /// It was granted.
    Granted(Box<Given>),
    /// People were asked.
    Pending(Box<ElevationView>),
}

/// What a server gave: it is what was asked for.
pub struct Given {
    /// The recorded right.
    pub grant: Grant,
    /// Its proof.
    pub token: Token,
    /// What the tool accepts.
    pub credential: Credential,
}

impl Remote {
    /// Asks for an elevation.
    ///
    /// # Errors
    /// What the server says, or that its answer is none to what was asked.
    pub async fn elevate(&self, request: &ElevationRequest) -> Result<Outcome> {
        let with = |from| ElevationRequest {
            from,
            ..request.clone()
        };
        let view = self
            .post_from(path::ELEVATIONS, &request.from, with)
            .await?;
        let entitlement = &request.entitlement;
        if view.entitlement != *entitlement {
            return Err(self.foreign("it is about something else than was asked for"));
        }
        match view.state {
            State::Pending => Ok(Outcome::Pending(Box::new(view))),
            State::Granted => {
                let given = self.given(view, entitlement, &request.from.key)?;
                Ok(Outcome::Granted(Box::new(given)))
            }
            State::Denied | State::Abandoned | State::Expired | State::Revoked => Err(over(&view)),
        }
    }

    /// The first credential of an elevation that was approved meanwhile.
    pub async fn claim(
        &self,
        id: &GrantId,
        entitlement: &Entitlement,
        request: &CredentialRequest,
    ) -> Result<Given> {
        let view = self.credential(id, request).await?;
        self.given(view, entitlement, &request.from.key)
    }

    /// The next credential under a grant.
    pub async fn renew(&self, grant: &Grant, request: &CredentialRequest) -> Result<Credential> {
        let view = self.credential(&grant.id, request).await?;
        let credential = view
            .credential
            .filter(|_| view.id == grant.id && view.entitlement == grant.entitlement)
            .ok_or_else(|| self.foreign("it holds no credential under that grant"))?;
        let asked = self.asked(&grant.entitlement, request.from.key);
        checked::credential(&credential, &asked).map_err(|what| self.foreign(what))?;
        Ok(credential)
    }

    async fn credential(&self, id: &GrantId, request: &CredentialRequest) -> Result<ElevationView> {
        let path = path::of(path::CREDENTIAL, &[id.as_str()]);
        let with = |from| CredentialRequest {
            from,
            ..request.clone()
        };
        self.post_from(&path, &request.from, with).await
    }

    /// Sends a request from a client, and once more without what an older server does not know.
    async fn post_from<R: Serialize>(
        &self,
        path: &str,
        from: &From,
        with: impl Fn(From) -> R,
    ) -> Result<ElevationView> {
        match self.post(path, &with(from.clone())).await {
            Err(failure) if is_of_older_server(&failure, from) => {
                self.post(path, &with(from.for_older_server())).await
            }
            answered => answered,
        }
    }

    fn given(
        &self,
        view: ElevationView,
        entitlement: &Entitlement,
        key: &PublicKey,
    ) -> Result<Given> {
        let (Some(grant), Some(token), Some(credential)) =
            (view.grant, view.token, view.credential)
        else {
            return Err(self.foreign("it is granted, and something of it is missing"));
        };
        let asked = self.asked(entitlement, *key);
        let checked =
            checked::grant(&grant, &asked).and_then(|()| checked::credential(&credential, &asked));
        checked.map_err(|what| self.foreign(what))?;
        if grant.id != view.id {
            return Err(self.foreign("its grant is another one's"));
        }
        Ok(Given {
            grant,
            token,
            credential,
        })
    }

    fn asked<'a>(&self, entitlement: &'a Entitlement, key: PublicKey) -> Asked<'a> {
        Asked {
            entitlement,
            key,
            now: self.link.now(),
        }
    }

    pub(super) fn foreign(&self, what: &str) -> Failure {
        foreign(self.server(), what)
    }
}

/// Whether a server refused a request since it is of before it knew `keeps_credential`. Without that field it gives
/// a credential of the usual length.
fn is_of_older_server(failure: &Failure, from: &From) -> bool {
    from.keeps_credential
        && failure.code == Code::Usage
        && failure.message.contains("unknown field `keeps_credential`")
}

/// An elevation that will not be granted any more.
fn over(view: &ElevationView) -> Failure {
    Failure::denied(format!("{} is {}", view.entitlement, view.state.in_words()))
        .hint("run the command again: a new elevation is asked for")
}
