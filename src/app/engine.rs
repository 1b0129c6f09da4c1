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
        refusal::pending,
        request::Ask,
        token,
        trust::{HostAsk, HostCertificate},
    },
    domain::{
        credential::Credential,
        entitlement::ResourceName,
        failure::{Nature, Result},
        id::GrantId,
        lease::Lease,
    },
    issuers::order::Revocation,
    protocol::{
        elevation::{CredentialRequest, ElevationRequest, ElevationView, From, RevocationView},
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
        Self::without_policies_within(session, Patience::PERSON).await
    }

    /// The same; a server for as long as `patience` has it.
    pub async fn without_policies_within(session: &Session, patience: Patience) -> Result<Self> {
        if let Some(remote) = remote(session, patience).await? {
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

    /// What the caller holds and waits for, and what people denied to them lately; the newest first.
    pub async fn current(&self, session: &Session) -> Result<Vec<ElevationView>> {
        match self {
            Self::Embedded(authority) => {
                let client = embedded::client(session, authority, None, &Keys::new()?)?;
                let current = authority.current(&client).await?;
                let now = (session.clock)();
                Ok(current
                    .iter()
                    .map(|one| ElevationView::of(one, now))
                    .collect())
            }
            Self::Remote(remote) => remote.current().await,
        }
    }

    /// How an elevation of the caller stands; `None` where there is none of that id.
    pub async fn elevation(
        &self,
        session: &Session,
        id: &GrantId,
    ) -> Result<Option<ElevationView>> {
        let found = match self {
            Self::Embedded(authority) => {
                let client = embedded::client(session, authority, None, &Keys::new()?)?;
                match authority.own(&client.caller.principal, &[], id).await {
                    Ok(elevation) => authority.told_of(&elevation).await,
                    Err(failure) => Err(failure),
                }
            }
            Self::Remote(remote) => remote.elevation(id).await,
        };
        match found {
            Err(failure) if failure.nature == Nature::Absent => Ok(None),
            found => found.map(Some),
        }
    }

    /// Records a further reason for a grant or request of the caller.
    ///
    /// # Errors
    /// Denied (121): it has ended.
    pub async fn justify(&self, session: &Session, id: &GrantId, why: &str) -> Result<()> {
        match self {
            Self::Embedded(authority) => {
                let client = embedded::client(session, authority, None, &Keys::new()?)?;
                authority.justify(&client, id, why).await
            }
            Self::Remote(remote) => remote.justify(id, why).await,
        }
    }

    /// Ends a grant of the caller, or gives up a request of theirs.
    pub async fn revoke(
        &self,
        session: &Session,
        id: &GrantId,
        tool: Option<&str>,
    ) -> Result<RevocationView> {
        match self {
            Self::Embedded(authority) => {
                let client = embedded::client(session, authority, tool, &Keys::new()?)?;
                Ok(match authority.revoke(&client, id).await? {
                    Revocation::Ended => RevocationView::Ended,
                    Revocation::EndsByItself => RevocationView::EndsByItself {
                        until: authority.works_until(id).await?,
                    },
                })
            }
            Self::Remote(remote) => remote.revoke(id).await,
        }
    }

    /// What a target's administrator must apply; only the key or certificate, or what undoes it, where that is asked for.
    pub async fn trust(&self, name: &ResourceName, what: Trust) -> Result<String> {
        match (self, what) {
            (Self::Embedded(authority), Trust::Whole) => authority.trust(name).await,
            (Self::Embedded(authority), Trust::Authority) => authority.trust_ca(name).await,
            (Self::Embedded(authority), Trust::Removal) => authority.trust_removal(name).await,
            (Self::Remote(remote), Trust::Whole) => remote.trust(name).await,
            (Self::Remote(remote), Trust::Authority) => remote.trust_ca(name).await,
            (Self::Remote(remote), Trust::Removal) => remote.trust_removal(name).await,
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
    /// What undoes all of it.
    Removal,
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
        keeps_credential: keys.keeps_credential,
    }
}
