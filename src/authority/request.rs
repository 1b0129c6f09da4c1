//! What an elevation is asked for with, and what comes of it.

use std::time::Duration;

use super::{Answer, Client, refusal::pending};
use crate::{
    domain::{
        elevation::{Elevation, Request},
        entitlement::Entitlement,
        failure::Result,
        id::GrantId,
        time::Timestamp,
    },
    platform::keys,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What.
    pub entitlement: Entitlement,
    /// Why.
    pub justification: Option<String>,
    /// For how long; policy may shorten it.
    pub ttl: Option<Duration>,
    /// Whether to skip approval in an emergency.
    pub break_glass: bool,
    /// What the command does there, where that is known: `get`.
    pub verb: Option<String>,
    /// Whether whoever asks can still say why: then the want of a reason is a question back to them,
    /// and becomes an event only with their answer.
    pub answerable: bool,
}

impl Ask {
    /// An entitlement, and nothing more said.
    pub(super) const fn new(entitlement: Entitlement) -> Self {
        Self {
            entitlement,
            justification: None,
            ttl: None,
            break_glass: false,
            verb: None,
            answerable: false,
        }
    }

    /// What was asked for, to be decided anew.
    pub(super) fn of(request: &Request) -> Self {
        Self {
            entitlement: request.entitlement.clone(),
            justification: request.justification.clone(),
            ttl: request.ttl,
            break_glass: request.break_glass,
            verb: request.verb.clone(),
            answerable: false,
        }
    }
}

/// What came of asking.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is granted: how it stands, and what leaves.
    Granted(Box<(Elevation, Answer)>),
    /// People were asked.
    Pending(Box<Elevation>),
}

impl From<(Elevation, Answer)> for Outcome {
    fn from(granted: (Elevation, Answer)) -> Self {
        Self::Granted(Box::new(granted))
    }
}

impl Outcome {
    /// The answer, for whoever does not wait for people.
    ///
    /// # Errors
    /// Pending (122).
    pub fn answer(self) -> Result<Answer> {
        match self {
            Self::Granted(granted) => Ok(granted.1),
            Self::Pending(elevation) => {
                let request = &elevation.request;
                Err(pending(&request.id, &request.entitlement))
            }
        }
    }
}

/// The request of an elevation, as it is recorded.
pub(super) fn request(client: &Client, ask: &Ask, asked_at: Timestamp) -> Result<Request> {
    Ok(Request {
        id: GrantId::new(asked_at, keys::random()?),
        principal: client.caller.principal.clone(),
        entitlement: ask.entitlement.clone(),
        justification: ask.justification.clone(),
        ttl: ask.ttl,
        break_glass: ask.break_glass,
        verb: ask.verb.clone(),
        session: client.sessions.first().map(|session| session.id.clone()),
        chain: client.chain(),
        enrolled_by: None,
        address: client.origin.address,
        asked_at,
    })
}
