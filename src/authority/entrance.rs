//! Letting somebody in whom another one vouches for: a new session, or the same one vouched for again.

use std::time::Duration;

use super::{Authority, sessions::signed_out};
use crate::{
    domain::{
        credential::Token,
        event::{Event, EventKind, Origin},
        failure::{Failure, Result},
        id::GrantId,
        key::PublicKey,
        once::Once,
        principal::{Caller, Class, Principal},
        session::Session,
        time::Timestamp,
    },
    platform::keys,
    store::{
        enrolments,
        identities::{self, Identity, Pinned},
        ledger::{Actor, Append, Appended},
        principals::{self, Attests},
        sessions, spent,
        vouched::Voucher,
    },
};

/// By whose word somebody comes with an enrolled key: their own.
pub const KEY: &str = "key";
/// The longest session where no lifecycle says otherwise.
pub const SESSION: Duration = Duration::from_hours(12);

/// Somebody who was vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Who that is here.
    pub caller: Caller,
    /// By whose word: an issuer's URL, `key`, `aws`, `bootstrap`.
    pub source: String,
    /// As the one who vouches knows them for ever, where that is more than the name.
    pub identity: Option<Identity>,
    /// The session at the OpenID provider, where it says one.
    pub provider_session: Option<String>,
    /// What was shown, where it may be shown once.
    pub once: Option<Once>,
    /// From when the longest session is counted.
    pub since: Timestamp,
    /// The enrolled key that showed it: nobody is let in by it once it does not count any more.
    pub enrolled: Option<Enrolled>,
    /// What they should know about how they came in, one sentence each.
    pub notes: Vec<String>,
}

/// An enrolled key, as somebody signs in with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The key.
    pub key: PublicKey,
    /// The one that takes its place.
    pub next: Option<PublicKey>,
}

impl Authority {
    /// Lets somebody in: begins a session that is bound to that key, or, where one is bound to it already
    /// that lives, notes that they were vouched for again. Recorded first, then its token.
    ///
    /// # Errors
    /// Sign-in (123): what was shown was shown before, or the session of that key is over. Denied (121):
    /// the name is somebody else's, or whoever has it may not come.
    pub async fn let_in(
        &self,
        vouched: &Vouched,
        holder: PublicKey,
        origin: &Origin,
    ) -> Result<(Session, Token)> {
        let now = (self.clock)();
        let who = &vouched.caller.principal;
        if let Some(identity) = &vouched.identity {
            self.own_name(vouched, identity).await?;
        }
        let is_other = who.class() == Class::Workload && vouched.source != KEY;
        if is_other && self.store.has_enrolment(who).await? {
            return Err(enrolled(who));
        }
        self.admit(who, now).await?;
        let bound = self.store.session_of(holder, now).await?;
        if let Some(once) = &vouched.once
            && self.store.is_spent(&once.id).await?
        {
            return self.said_again(vouched, bound, now).await;
        }
        let (session, append) = self.entering(vouched, bound, (holder, now), origin).await?;
        match self.store.ledger().append(append).await? {
            Appended::Overtaken => {
                self.still_may(vouched, now).await?;
                // The same was said twice at once.
                let bound = self.store.session_of(holder, now).await?;
                self.said_again(vouched, bound, now).await
            }
            Appended::Written => {
                let token = self.session_token(&session).await?;
                Ok((session, token))
            }
        }
    }

    /// The session that somebody is let in with, and what is recorded of it.
    async fn entering(
        &self,
        vouched: &Vouched,
        bound: Option<(Session, bool)>,
        (holder, now): (PublicKey, Timestamp),
        origin: &Origin,
    ) -> Result<(Session, Append)> {
        let ours = self.store.voucher(now).await?;
        let actor = Actor::SignIn(&vouched.caller.principal);
        let (session, append) = match bound {
            None => {
                let session = self.begun(vouched, holder, now)?;
                let append = Append::new(self.entered(&session, vouched, now, origin), actor)
                    .only_if(sessions::is_unbound(holder))
                    .with(sessions::begin(&session, &ours)?);
                (session, append)
            }
            Some(bound) => {
                let session = Session {
                    caller: vouched.caller.clone(),
                    attested_at: Some(now),
                    ..going_on(vouched, bound, now)?
                };
                let known = vouched.provider_session.clone();
                let session = Session {
                    provider_session: known.or_else(|| session.provider_session.clone()),
                    ..session
                };
                let append = Append::new(self.entered(&session, vouched, now, origin), actor)
                    .only_if(sessions::goes_on(&session.id))
                    .with(sessions::renew(&session, &ours, now)?);
                (session, append)
            }
        };
        Ok((session, shown(append, vouched, &ours, now)?))
    }

    /// Refuses somebody who lost the right to come in while they were being let in.
    async fn still_may(&self, vouched: &Vouched, now: Timestamp) -> Result<()> {
        let who = &vouched.caller.principal;
        self.admit(who, now).await?;
        if let Some(identity) = &vouched.identity {
            self.own_name(vouched, identity).await?;
        }
        match &vouched.enrolled {
            Some(Enrolled { key, next }) if !self.store.key_counts(who, *key, *next).await? => {
                Err(not_enrolled())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What was shown already gives the same session again to whoever holds its key, and lost the answer;
    /// to nobody else anything.
    async fn said_again(
        &self,
        vouched: &Vouched,
        bound: Option<(Session, bool)>,
        now: Timestamp,
    ) -> Result<(Session, Token)> {
        let replayed = || {
            let failure = signed_out("what was shown to sign in was used already");
            match vouched.caller.principal.class() {
                Class::Human | Class::Agent => failure,
                Class::Workload => failure.hint(
                    "give this job a token of its own; where one is to serve again, its entry of [[workloads]] in server.toml says once = false",
                ),
            }
        };
        let session = going_on(vouched, bound.ok_or_else(replayed)?, now)?;
        let token = self.session_token(&session).await?;
        Ok((session, token))
    }

    fn begun(&self, vouched: &Vouched, holder: PublicKey, now: Timestamp) -> Result<Session> {
        let lifecycle = self.lifecycles.of(vouched.caller.principal.class());
        let longest = lifecycle.session.unwrap_or(SESSION);
        let expires_at = vouched.since.min(now).after(longest);
        if expires_at <= now {
            return Err(signed_out("this sign-in is too old to begin a session"));
        }
        Ok(Session {
            id: GrantId::new(now, keys::random()?),
            caller: vouched.caller.clone(),
            holder,
            source: vouched.source.clone(),
            parent: None,
            only: None,
            created_at: now,
            expires_at,
            provider_session: vouched.provider_session.clone(),
            attested_at: None,
        })
    }

    /// The record of that, at the very time that the row of the principal says of its newest attestation.
    fn entered(
        &self,
        session: &Session,
        vouched: &Vouched,
        now: Timestamp,
        origin: &Origin,
    ) -> Event {
        let event = self.session_event(EventKind::SignedIn, session, origin);
        let again = session.created_at < now;
        let identity = vouched.identity.as_ref();
        let of_person = identity.filter(|_| vouched.caller.principal.class() == Class::Human);
        let detail = event
            .detail
            .filter(|_| again)
            .map(|by| format!("again {by}"));
        Event {
            detail: detail.or_else(|| Some(format!("by {}", session.source))),
            account: of_person.map(Identity::digest),
            at: now,
            ..event
        }
    }

    /// Refuses a name that is not that identity's: a name that was given to another account, or an
    /// account that comes by another name.
    async fn own_name(&self, vouched: &Vouched, identity: &Identity) -> Result<()> {
        let who = &vouched.caller.principal;
        let written = who.written();
        match self.store
            .pinned(who, identity, (self.clock)())
            .await? {
            Pinned::New | Pinned::Same => Ok(()),
            Pinned::Taken(source) if source == KEY => Err(Failure::denied(format!(
                "the name {written} belongs to an enrolled key, and not to this account of {}",
                identity.source
            ))
            .hint(format!(
                "if the key is not needed any more, an administrator runs: jit enrolments remove {}/{}",
                who.class().as_str().to_lowercase(),
                who.name()
            ))),
            Pinned::Taken(source)
                if source != identity.source
                    && identity.source != KEY
                    && who.class() == Class::Human =>
            {
                Err(Failure::denied(format!(
                    "the name {written} belongs to an account of {source}, and not to this one of {}",
                    identity.source
                ))
                .hint(format!(
                    "if the provider moved, whoever runs the server runs on its machine: jit serve recover --from-issuer {source} -j WHY"
                )))
            }
            Pinned::Taken(_) => Err(Failure::denied(format!(
                "the name {written} belongs to another account than this one of {}",
                identity.source
            ))
            .hint(format!(
                "if the account was replaced, an administrator runs: jit principals disable {written} -j WHY, then jit principals enable {written} -j WHY"
            ))),
            Pinned::Renamed(name) => Err(Failure::denied(format!(
                "this account of {} was here as {name}, and now comes as {written}",
                identity.source
            ))
            .hint(format!(
                "if it was renamed, an administrator runs: jit principals disable {name} -j WHY, then jit principals enable {name} -j WHY"
            ))),
        }
    }
}

/// A key that nobody enrolled, or whose enrolment was removed.
pub(super) fn not_enrolled() -> Failure {
    Failure::denied("no enrolment of this server has this key").hint(
        "an administrator makes a join code (jit enrolments create NAME); then run: jit login --join",
    )
}

/// A name that an enrolled key has is nobody else's, whatever configuration says by now.
fn enrolled(who: &Principal) -> Failure {
    let (written, name) = (who.written(), who.name());
    Failure::denied(format!("the name {written} belongs to an enrolled key")).hint(format!(
        "an administrator chooses another `principal` in server.toml, or runs: jit enrolments remove {name}"
    ))
}

/// The session of a key, if it is that person's and lives.
fn going_on(
    vouched: &Vouched,
    (session, is_ended): (Session, bool),
    now: Timestamp,
) -> Result<Session> {
    let is_theirs =
        session.caller.principal == vouched.caller.principal && session.source == vouched.source;
    if is_ended || !session.is_live(now) || !is_theirs {
        return Err(signed_out("the session of this key is over"));
    }
    Ok(session)
}

/// With all that must hold of what was shown, and is remembered of it.
fn shown(append: Append, vouched: &Vouched, ours: &Voucher, now: Timestamp) -> Result<Append> {
    let who = &vouched.caller.principal;
    let attests = match (who.class(), &vouched.enrolled) {
        (Class::Human, _) | (_, Some(_)) => Attests::Principal,
        (Class::Workload | Class::Agent, None) => Attests::Session,
    };
    let mut append = append.with(principals::seen(&vouched.caller, attests, ours, now)?);
    match (&vouched.enrolled, who.class()) {
        (Some(Enrolled { key, next }), _) => {
            append = append.only_if(enrolments::counts(who, *key, *next));
        }
        (None, Class::Workload) => append = append.only_if(enrolments::is_not_enrolled(who)),
        (None, Class::Human | Class::Agent) => {}
    }
    if let Some(identity) = &vouched.identity {
        append = append
            .only_if(identities::is_free(who, identity))
            .with(identities::pin(who, identity, ours));
    }
    if let Some(once) = &vouched.once {
        append = append.only_if(spent::is_new(once)).with(spent::spend(once));
    }
    Ok(append)
}
