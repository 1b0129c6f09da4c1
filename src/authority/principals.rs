//! Everybody who comes here: who may, who was away for too long, who may not any more.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use super::{
    Authority, Client,
    entrance::KEY,
    sessions::{Provider, signed_out},
};
use crate::{
    domain::{
        event::{Event, EventKind, Origin},
        failure::{Failure, Nature, Result},
        id::GrantId,
        known::Known,
        once::Once,
        principal::{Caller, Class, Principal},
        session::Session,
        time::{Timestamp, Ttl},
    },
    platform::keys,
    policy::{
        question::{Circumstances, Duty},
        vocabulary::Action,
    },
    store::{
        ending::Ending,
        identities::{self, NO_ACCOUNT},
        principals::{self, Standing},
    },
};

/// How exactly it is known when somebody was here last.
const EXACT: Duration = Duration::from_mins(1);

/// Somebody is not to come any more.
#[derive(Clone, Debug)]
pub struct Offboarding {
    /// Who.
    pub who: Principal,
    /// Why.
    pub why: String,
    /// Whether even where nobody would be left who may administer.
    pub forced: bool,
}

impl Authority {
    /// Whether policy lets the caller do that to the authority itself. An agent never may.
    pub fn may(&self, action: Action, client: &Client) -> bool {
        let seen = (client.origin.address, (self.clock)());
        self.permits_caller(action, &client.caller, seen, &client.written_chain())
    }

    /// Whether policy would let somebody do that who is not here, as they were seen: from that address, and with
    /// the age that their sign-in had then.
    pub(super) fn might(
        &self,
        action: Action,
        caller: &Caller,
        seen: (Option<IpAddr>, Timestamp),
    ) -> bool {
        self.permits_caller(action, caller, seen, &[])
    }

    fn permits_caller(
        &self,
        action: Action,
        caller: &Caller,
        (address, seen_at): (Option<IpAddr>, Timestamp),
        chain: &[String],
    ) -> bool {
        let now = (self.clock)();
        let sign_in = caller.sign_in.as_ref();
        let callers = caller.for_policy();
        let permits = |caller: &Cow<'_, Caller>| {
            let duty = Duty {
                caller,
                circumstances: Circumstances {
                    address,
                    sign_in_age: sign_in.map(|sign_in| seen_at.left(sign_in.at)),
                    sign_in,
                    chain,
                    of_another: true,
                },
                now,
            };
            self.policies.permits_duty(action, &duty).is_permitted()
        };
        callers.iter().all(permits) && caller.principal.class() != Class::Agent
    }

    /// Refuses whoever may not change the authority itself.
    ///
    /// # Errors
    /// Denied (121).
    pub fn administrator(&self, client: &Client) -> Result<()> {
        if self.may(Action::Administer, client) {
            return Ok(());
        }
        let who = client.caller.principal.written();
        Err(Failure::denied(format!("no policy lets {who} administer this authority"))
            .hint("whoever may, is permitted `administer` by policy; the starter policies say it of the group administrators"))
    }

    /// Everybody who was ever let in, for whoever may administer or audit.
    ///
    /// # Errors
    /// Denied (121).
    pub async fn principals(&self, client: &Client) -> Result<Vec<Known>> {
        if !self.may(Action::Audit, client) {
            self.administrator(client)?;
        }
        self.store.principals((self.clock)()).await
    }

    /// From now on `who` may not come: their sessions and what was delegated from them, their grants and
    /// requests end in one commit. The targets are told by tidying ([`Authority::tidy`]); beside who that is come
    /// the credentials that work until they expire, since their targets cannot be told.
    ///
    /// # Errors
    /// Denied (121): the caller may not, or nobody would be left who may, and it is not `forced`. Usage:
    /// nobody of that name was ever here.
    pub async fn disable(&self, client: &Client, off: &Offboarding) -> Result<Known> {
        self.administrator(client)?;
        let Offboarding { who, why, forced } = off;
        if !forced && !self.is_administered_without(who).await? {
            return Err(Failure::denied(format!(
                "without {} nobody who was ever here may administer this authority",
                who.written()
            ))
            .hint("let another administrator sign in first, or add --force"));
        }
        self.shut_out(client, who, why).await
    }

    /// May come again, from their next sign-in on; whichever account has the name by then has it for good.
    ///
    /// # Errors
    /// Denied (121): the caller may not. Usage: nobody of that name was ever here.
    pub async fn enable(&self, client: &Client, who: &Principal, why: &str) -> Result<Known> {
        self.administrator(client)?;
        let now = (self.clock)();
        self.known(who, now).await?;
        let event = Event {
            by: Some(client.caller.principal.clone()),
            justification: Some(why.to_owned()),
            account: (who.class() == Class::Human).then(|| NO_ACCOUNT.into()),
            ..about(EventKind::Enabled, who, client, now)?
        };
        let append = client
            .append(event)
            .with(principals::enable(who, now))
            .with(identities::release(who));
        self.store.ledger().append(append).await?.or_conflict()?;
        self.known(who, now).await
    }

    /// Whether somebody else may administer who was here and is not disabled, in the groups that they were
    /// in last.
    pub(super) async fn is_administered_without(&self, who: &Principal) -> Result<bool> {
        let now = (self.clock)();
        let all = self.store.principals(now).await?;
        let may = |known: &Known| {
            let duty = Duty {
                caller: &known.caller,
                circumstances: Circumstances {
                    sign_in_age: Some(Duration::ZERO),
                    of_another: true,
                    ..Circumstances::default()
                },
                now,
            };
            let ruling = self.policies.permits_duty(Action::Administer, &duty);
            ruling.is_permitted() && known.caller.principal.class() != Class::Agent
        };
        let others = all.iter().filter(|known| known.caller.principal != *who);
        Ok(others.filter(|known| known.disabled_at.is_none()).any(may))
    }

    async fn shut_out(&self, client: &Client, who: &Principal, why: &str) -> Result<Known> {
        let now = (self.clock)();
        self.known(who, now).await?;
        let event = Event {
            by: Some(client.caller.principal.clone()),
            justification: Some(why.to_owned()),
            ..about(EventKind::Disabled, who, client, now)?
        };
        let append = client
            .append(event)
            .with(principals::disable(who, now))
            .ending(Ending::ShutOut(who.clone()), self.store.voucher(now).await?);
        self.store.ledger().append(append).await?.or_conflict()?;
        Ok(Known {
            enrolled: self.enrolled_by(who, now).await?,
            outliving: self.outliving(who, EventKind::Disabled, now).await?,
            ..self.known(who, now).await?
        })
    }

    async fn known(&self, who: &Principal, now: Timestamp) -> Result<Known> {
        let known = self.store.principal(who, now).await?;
        known.ok_or_else(|| {
            Failure::usage(format!("nobody was ever here as {}", who.written()))
                .hint("\"jit principals\" lists who was")
        })
    }

    /// Lets in at sign-in whoever may come.
    pub(super) async fn admit(&self, who: &Principal, now: Timestamp) -> Result<()> {
        let refused = |what: &str| {
            Err(Failure::denied(format!("{} {what}", who.written()))
                .hint(format!(
                    "an administrator runs: jit principals enable {} -j WHY",
                    who.written()
                ))
                .of_nature(Nature::Ended))
        };
        if self.store.is_disabled(who).await? {
            return refused("was disabled");
        }
        let lifecycle = self.lifecycles.of(who.class());
        match (self.store.last_seen(who).await?, lifecycle.dormant) {
            (Some(last_seen), Some(within)) if lifecycle.is_dormant(last_seen, now) => {
                refused(&format!("was not here for {}", Ttl(within)))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a line somebody of which must be vouched for again, and notes that they are here.
    pub(super) async fn attested(
        &self,
        line: &[(Session, Option<Standing>)],
        provider: Provider,
        now: Timestamp,
    ) -> Result<()> {
        for (session, standing) in line {
            let who = &session.caller.principal;
            let Some(standing) = standing else {
                return Err(signed_out(
                    "the row of whoever this session is for is missing, or of before it had a code",
                ));
            };
            if standing.is_disabled {
                return Err(
                    signed_out("whoever this session is for was disabled").of_nature(Nature::Ended)
                );
            }
            let lifecycle = self.lifecycles.of(who.class());
            if lifecycle.must_attest(session.attested_at(), now) {
                self.defer_attestation(session, provider).await?;
            }
            let noted_before = now.before(EXACT);
            if standing.last_seen_at < noted_before {
                self.store.note_use(who, now, noted_before).await?;
            }
        }
        Ok(())
    }
}

impl Authority {
    /// Lets a person's session go on that is due, while the provider is away and as long as the lifecycle
    /// says; recorded once for each attestation that is missing.
    async fn defer_attestation(&self, session: &Session, provider: Provider) -> Result<()> {
        let now = (self.clock)();
        let attested_at = session.attested_at();
        let class = session.caller.principal.class();
        let lifecycle = self.lifecycles.of(class);
        let is_by_provider = class == Class::Human && session.source != KEY;
        let may = provider == Provider::Away && is_by_provider;
        if !may || !lifecycle.is_in_grace(attested_at, now) {
            return Err(signed_out("it is time to show again who you are"));
        }
        let spans = [lifecycle.attest, lifecycle.attest_grace];
        let until = attested_at.after(spans.into_iter().flatten().sum());
        let once = Once {
            id: format!("deferred {} {}", session.id, attested_at.millis()),
            until,
        };
        let source = &session.source;
        let event = Event {
            detail: Some(format!("{source} is away; until {until} at the latest")),
            ..self.session_event(EventKind::AttestationDeferred, session, &Origin::default())
        };
        self.record_once(&once, event).await
    }
}

/// An event about a principal.
fn about(kind: EventKind, who: &Principal, client: &Client, now: Timestamp) -> Result<Event> {
    let id = GrantId::new(now, keys::random()?);
    Ok(Event::new(
        kind,
        now,
        id,
        who.clone(),
        client.origin.clone(),
    ))
}
