//! An agent is let in on somebody's behalf: with a session of its own, below theirs and narrower.

use std::{collections::BTreeSet, time::Duration};

use super::{Authority, Client};
use crate::{
    domain::{
        credential::Token,
        entitlement::Entitlement,
        event::{Event, EventKind},
        failure::{Failure, Nature, Result},
        id::GrantId,
        key::PublicKey,
        principal::{Caller, Class, Principal},
        session::Session,
    },
    platform::keys,
    store::{
        ledger::Appended,
        principals::{self, Attests},
        sessions::{self, DEEPEST},
    },
};

/// The most entitlements that are handed on at once.
const MOST: usize = 64;

/// What is handed on, to whom.
#[derive(Clone, Debug)]
pub struct Delegation {
    /// The agent's name.
    pub agent: String,
    /// The only entitlements that it may ask for.
    pub only: BTreeSet<Entitlement>,
    /// For how long; never beyond the session that it comes from.
    pub ttl: Duration,
    /// The key that the agent's token is bound to.
    pub holder: PublicKey,
}

impl Authority {
    /// Lets an agent in on behalf of the caller: recorded first, then its token.
    ///
    /// # Errors
    /// Denied (121): policy does not let the caller, or whom it acts for, hand that on; it was not
    /// handed to the caller either; the line is too long; the agent was disabled.
    pub async fn delegate(&self, client: &Client, wanted: &Delegation) -> Result<(Session, Token)> {
        let begun = self.try_delegate(client, wanted);
        self.answer_once(client, begun).await
    }

    async fn try_delegate(
        &self,
        client: &Client,
        wanted: &Delegation,
    ) -> Result<Option<(Session, Token)>> {
        let now = (self.clock)();
        let agent = Principal::new(Class::Agent, &wanted.agent).map_err(|failure| Failure {
            code: Failure::usage("").code,
            ..failure
        })?;
        let parent = self.may_delegate(client, wanted)?;
        self.admit(&agent, now).await?;
        if self.store.session_of(wanted.holder, now).await?.is_some() {
            return Err(Failure::usage("the agent's key has a session already")
                .hint("make a new key for each agent"));
        }
        let ends = client.sessions.iter().map(|session| session.expires_at);
        let latest = ends.min().unwrap_or(now).min(now.after(wanted.ttl));
        let session = Session {
            id: GrantId::new(now, keys::random()?),
            caller: Caller::new(agent, BTreeSet::new()),
            holder: wanted.holder,
            source: "delegation".to_owned(),
            parent: Some(parent.id.clone()),
            only: Some(wanted.only.clone()),
            created_at: now,
            expires_at: self.lifecycles.agent.session_end(latest, now),
            provider_session: None,
            attested_at: None,
        };
        let event = self.delegated(client, &session);
        let voucher = self.store.voucher(now).await?;
        let seen = principals::seen(&session.caller, Attests::Session, &voucher, now)?;
        let append = client
            .append(event)
            .with(sessions::begin(&session, &voucher)?)
            .with(seen)
            .only_if(sessions::is_unbound(session.holder))
            .only_if(principals::may_come(&session.caller.principal));
        let token = self.line_token(&session, &client.sessions).await?;
        let begun = (session, token);
        let append = self.idempotency(client).finish(append, &begun)?;
        let is_first = self.store.ledger().append(append).await? == Appended::Written;
        Ok(is_first.then_some(begun))
    }

    /// The session that it is handed on from, if all of it may be.
    fn may_delegate<'a>(&self, client: &'a Client, wanted: &Delegation) -> Result<&'a Session> {
        let parent = client.sessions.first().ok_or_else(|| {
            Failure::usage("only in a session at a server something can be handed on")
        })?;
        if wanted.only.is_empty() || wanted.only.len() > MOST {
            return Err(
                Failure::usage(format!("1 to {MOST} entitlements are handed on at once"))
                    .hint("name them: --only kubernetes/prod:view"),
            );
        }
        if client.sessions.len() >= DEEPEST {
            return Err(Failure::denied(format!(
                "no line of agents is longer than {DEEPEST}"
            )));
        }
        for entitlement in &wanted.only {
            let Ok(tier) = self.catalogue.tier(entitlement) else {
                return Err(Failure::usage(format!("there is no {entitlement} here"))
                    .hint("\"jit list\" shows what you may ask for")
                    .of_nature(Nature::Absent));
            };
            let permitted =
                client.may_ask(entitlement) && self.permits_delegation(client, entitlement, tier);
            if !permitted {
                return Err(
                    Failure::denied(format!("{entitlement} may not be handed on by you")).hint(
                        "policy permits `delegate`; what was handed to you can only be narrowed",
                    ),
                );
            }
        }
        Ok(parent)
    }

    fn delegated(&self, client: &Client, session: &Session) -> Event {
        let only: Vec<String> = session
            .only
            .iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        let chain = client
            .sessions
            .iter()
            .map(|hop| hop.caller.principal.clone());
        Event {
            chain: chain.collect(),
            by: Some(client.caller.principal.clone()),
            detail: Some(format!("only {}", only.join(", "))),
            ..self.session_event(EventKind::Delegated, session, &client.origin)
        }
    }
}
