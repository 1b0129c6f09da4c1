//! Who asks: the token of a session and the proof for just this request (DPoP, RFC 9449), looked at
//! before a handler sees anything.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
};

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{body::single, client_address::Peer, problem::Refusal, shared::Served};
use crate::{
    authority::{Client, sessions::Shown},
    domain::{
        event::Origin,
        failure::{Code, Failure},
        once::Once,
        principal::Principal,
        session::Session,
    },
    protocol::elevation::From,
};

/// Somebody who was let in, and from where they come.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// The session that is asked in.
    pub(super) session: Session,
    /// Those that delegated to it, the nearest first.
    above: Vec<Session>,
    /// The proof of just this request.
    proof: Once,
    /// The address that the request came from.
    pub(super) address: IpAddr,
}

impl Visitor {
    /// Who.
    pub(super) const fn principal(&self) -> &Principal {
        &self.session.caller.principal
    }

    /// The session at the end of the delegation chain: of a human or a workload.
    pub(super) fn root(&self) -> &Session {
        self.above.last().unwrap_or(&self.session)
    }

    /// Refuses a request that records so many events at most, where the budget of who answers for it is used up.
    pub(super) fn records(&self, served: &Served, events: u32) -> Result<(), Refusal> {
        let events = NonZeroU32::new(events).unwrap_or(NonZeroU32::MIN);
        let root = &self.root().caller.principal;
        served.gate.records(root, events)
    }

    /// Whom the caller acts for, the nearest first.
    pub(super) fn chain(&self) -> impl Iterator<Item = &Principal> {
        self.above.iter().map(|session| &session.caller.principal)
    }

    /// The same as the authority knows a client, for what is done without the keys of a lease.
    pub(super) fn plain_client(&self) -> Client {
        self.client(From {
            holder: self.session.holder,
            key: self.session.holder,
            host: String::new(),
            terminal: None,
            tool: None,
            keeps_credential: false,
        })
    }

    /// The same as the authority knows a client, with the keys of one lease.
    pub(super) fn client(&self, from: From) -> Client {
        let above = self.above.iter().cloned();
        Client {
            caller: self.session.caller.clone(),
            origin: Origin {
                host: from.host,
                terminal: from.terminal,
                tool: from.tool,
                address: Some(self.address),
            },
            holder: from.holder,
            key: from.key,
            proof: Some(self.proof.clone()),
            once: None,
            keeps_credential: from.keeps_credential,
            sessions: [self.session.clone()].into_iter().chain(above).collect(),
        }
    }
}

impl FromRequestParts<Served> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, served: &Served) -> Result<Self, Refusal> {
        Self::of(parts, served, Standing::Attested).await
    }
}

/// A caller who ends their own session, which they may do also when it is time to show again who they are.
pub(super) struct Leaver(pub(super) Visitor);

impl FromRequestParts<Served> for Leaver {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, served: &Served) -> Result<Self, Refusal> {
        let visitor = Visitor::of(parts, served, Standing::Any).await?;
        Ok(Self(visitor))
    }
}

/// How a caller must stand for a request.
#[derive(Clone, Copy)]
enum Standing {
    /// Vouched for lately.
    Attested,
    /// As they do, while their session lives.
    Any,
}

impl Visitor {
    async fn of(parts: &Parts, served: &Served, standing: Standing) -> Result<Self, Refusal> {
        let token = single(parts, "authorization")?.and_then(dpop);
        let (Some(token), Some(proof)) = (token, single(parts, "dpop")?) else {
            return Err(unknown("this server wants to know who asks").into());
        };
        let url = format!("{}{}", served.url, parts.uri.path());
        let shown = Shown {
            token,
            proof,
            method: parts.method.as_str(),
            url: &url,
        };
        let (line, proof) = match standing {
            Standing::Attested => {
                let provider = served.provider();
                served.authority.authenticate(&shown, provider).await?
            }
            Standing::Any => served.authority.authenticate_to_leave(&shown).await?,
        };
        if !served.seen.is_new(&proof.id, (served.authority.clock)()) {
            return Err(unknown("the proof of possession was shown before").into());
        }
        let mut line = line.into_iter();
        let session = line
            .next()
            .ok_or_else(|| unknown("the session has ended"))?;
        let peer = parts.extensions.get::<Peer>();
        let visitor = Self {
            session,
            above: line.collect(),
            proof,
            address: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0),
        };
        served.gate.caller(&visitor.root().caller.principal)?;
        Ok(visitor)
    }
}

/// The token behind the scheme, whose name is in any case (RFC 9110, section 11.1).
fn dpop(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("DPoP").then(|| token.trim())
}

fn unknown(why: &str) -> Failure {
    Failure::new(Code::SignIn, why).hint("run: jit login")
}
