//! Whom this run asks: the authority in this process, or the one behind a server. The verbs do not
//! tell them apart.

use super::{
    embedded::{self, Keys},
    line,
    login::current,
    session::Session,
};
use crate::{
    authority::{
        Answer, Authority,
        elevate::Ask,
        refusal::pending,
        token,
        trust::{HostAsk, HostCertificate},
    },
    config::account,
    domain::{
        credential::Credential,
        entitlement::{Entitlement, ResourceName},
        failure::Result,
        id::GrantId,
        lease::Lease,
    },
    issuers::order::Revocation,
    protocol::{
        elevation::{CredentialRequest, ElevationRequest, From},
        trust::{HostRequest, HostView},
    },
    remote::{elevations::Outcome, patience::Patience, session::Remote},
};

/// Who decides, issues and records.
pub enum Engine {
    /// The authority in this process.
    Embedded(Box<Authority>),
    /// The one behind a server.
    Remote(Box<Remote>),
}

impl Engine {
    /// Whoever decides for this run; a server for as long as `patience` has it.
    ///
    /// # Errors
    /// What was written makes no sense; sign-in needed (123).
    pub async fn open(session: &Session, patience: Patience) -> Result<Self> {
        match remote(session, patience).await? {
            Some(remote) => Ok(Self::Remote(Box::new(remote))),
            None => Ok(Self::Embedded(Box::new(embedded::embedded(session).await?))),
        }
    }

    /// The same for what is asked of no policy, such as ending a grant: a policy that cannot be read must
    /// not stand in its way.
    pub async fn without_policies(session: &Session) -> Result<Self> {
        if let Some(remote) = remote(session, Patience::PERSON).await? {
            return Ok(Self::Remote(Box::new(remote)));
        }
        let authority = embedded::without_policies(session).await?;
        Ok(Self::Embedded(Box::new(authority)))
    }

    /// Elevates, or says why not.
    ///
    /// # Errors
    /// Denied (121), pending (122), sign-in needed (123), timed out (124).
    pub async fn elevate(
        &self,
        session: &Session,
        ask: &Ask,
        keys: &Keys,
        tool: Option<&str>,
    ) -> Result<Answer> {
        match self {
            Self::Embedded(authority) => {
                let client = embedded::client(session, authority, tool, keys)?;
                Box::pin(authority.elevate(&client, ask)).await?.answer()
            }
            Self::Remote(remote) => {
                let request = ElevationRequest {
                    entitlement: ask.entitlement.clone(),
                    justification: ask.justification.clone(),
                    ttl: ask.ttl.map(|ttl| ttl.as_secs()),
                    break_glass: ask.break_glass,
                    verb: ask.verb.clone(),
                    answerable: ask.answerable,
                    from: from(session, keys, tool),
                };
                match remote.elevate(&request).await? {
                    Outcome::Granted(given) => Ok(Answer {
                        grant: given.grant,
                        token: given.token,
                        credential: given.credential,
                    }),
                    Outcome::Pending(view) => Err(pending(&view.id, &view.entitlement)),
                }
            }
        }
    }

    /// The next credential under the grant of a lease.
    ///
    /// # Errors
    /// Denied (121): the grant, or policy, says no. Otherwise whoever is asked is away.
    pub async fn renew(
        &self,
        session: &Session,
        held: &Lease,
        keys: &Keys,
        tool: Option<&str>,
    ) -> Result<Credential> {
        let now = (session.clock)();
        let proof = token::prove(&held.holder, &held.grant.id, &held.token, now)?;
        match self {
            Self::Embedded(authority) => {
                let client = embedded::client(session, authority, tool, keys)?;
                authority.renew(&client, &held.token, &proof).await
            }
            Self::Remote(remote) => {
                let request = CredentialRequest {
                    token: Some(held.token.clone()),
                    proof: Some(proof),
                    from: from(session, keys, tool),
                };
                remote.renew(&held.grant, &request).await
            }
        }
    }

    /// What the caller holds: the ids of the grants, and what they are for.
    pub async fn live(&self) -> Result<Vec<(GrantId, Entitlement)>> {
        match self {
            Self::Embedded(authority) => {
                let principal = account::caller(&authority.catalogue)?.principal;
                authority.live(&principal).await
            }
            Self::Remote(remote) => remote.live().await,
        }
    }

    /// Ends a grant of the caller.
    pub async fn revoke(
        &self,
        session: &Session,
        id: &GrantId,
        tool: Option<&str>,
    ) -> Result<Revocation> {
        match self {
            Self::Embedded(authority) => {
                let client = embedded::client(session, authority, tool, &Keys::new()?)?;
                authority.revoke(&client, id).await
            }
            Self::Remote(remote) => remote.revoke(id).await,
        }
    }

    /// What a target's administrator must apply; only the key or certificate, where that is asked for.
    pub async fn trust(&self, name: &ResourceName, what: Trust) -> Result<String> {
        match (self, what) {
            (Self::Embedded(authority), Trust::Whole) => authority.trust(name).await,
            (Self::Embedded(authority), Trust::Authority) => authority.trust_ca(name).await,
            (Self::Remote(remote), Trust::Whole) => remote.trust(name).await,
            (Self::Remote(remote), Trust::Authority) => remote.trust_ca(name).await,
        }
    }

    /// Has a host vouched for, whose key is written as `line`.
    pub async fn certify_host(
        &self,
        session: &Session,
        name: &ResourceName,
        ask: &HostAsk,
        line: &str,
    ) -> Result<HostCertificate> {
        match self {
            Self::Embedded(authority) => {
                let client = embedded::client(session, authority, None, &Keys::new()?)?;
                authority.certify_host(&client, name, ask).await
            }
            Self::Remote(remote) => {
                let origin = session.origin(None);
                let request = HostRequest {
                    key: line.trim().to_owned(),
                    hosts: ask.hosts.clone(),
                    ttl: ask.ttl.as_secs(),
                    host: origin.host,
                    terminal: origin.terminal,
                };
                let HostView { line, script } = remote.certify_host(name, &request).await?;
                Ok(HostCertificate { line, script })
            }
        }
    }
}

/// How much of what a target must trust is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// All that its administrator applies.
    Whole,
    /// Only the key or certificate.
    Authority,
}

/// The server of this run, asked by whom it let in; none where the authority is in this process.
///
/// # Errors
/// Sign-in needed (123).
pub async fn remote(session: &Session, patience: Patience) -> Result<Option<Remote>> {
    let Some(server) = session.server()? else {
        return Ok(None);
    };
    let identity = current::of(session, server, patience).await?;
    Ok(Some(Remote::new(
        line::to(session, server, patience)?,
        identity,
    )))
}

fn from(session: &Session, keys: &Keys, tool: Option<&str>) -> From {
    let origin = session.origin(tool);
    From {
        holder: keys.holder.public(),
        key: keys.key.public(),
        host: origin.host,
        terminal: origin.terminal,
        tool: origin.tool,
    }
}
