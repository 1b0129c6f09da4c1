//! Letting somebody in whom another one vouches for: a new session, or the same one vouched for again.

use std::time::Duration;

use super::{Authority, sessions::signed_out};
use crate::{
    domain::{
        credential::Token,
        event::{Event, EventKind, Origin},
        failure::{Failure, Nature, Result},
        id::GrantId,
        key::PublicKey,
        once::Once,
        principal::Caller,
        session::Session,
        time::Timestamp,
    },
    platform::keys,
    store::{
        identities::{self, Identity, Pinned},
        ledger::Append,
        sessions, spent,
    },
};

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
    /// What was shown, where it may be shown once.
    pub once: Option<Once>,
    /// From when the longest session is counted.
    pub since: Timestamp,
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
        if let Some(identity) = &vouched.identity {
            self.own_name(vouched, identity).await?;
        }
        if let Some(once) = &vouched.once
            && self.store.is_spent(&once.id).await?
        {
            return Err(replayed());
        }
        let who = &vouched.caller.principal;
        let (session, write, guard) = match self.store.session_of(holder).await? {
            None => {
                let session = begun(vouched, holder, now)?;
                let write = sessions::begin(&session)?;
                (session, write, sessions::is_unbound(holder))
            }
            Some((session, ended)) => {
                let is_theirs =
                    session.caller.principal == *who && session.source == vouched.source;
                if ended || !session.is_live(now) || !is_theirs {
                    return Err(signed_out("the session of this key is over"));
                }
                let session = Session {
                    caller: vouched.caller.clone(),
                    ..session
                };
                let write = sessions::renew(&session, now)?;
                let guard = sessions::goes_on(&session.id);
                (session, write, guard)
            }
        };
        let event = self.entered(&session, now, origin);
        let mut append = Append::new(event).only_if(guard).with(write);
        if let Some(identity) = &vouched.identity {
            append = append
                .only_if(identities::is_free(who, identity))
                .with(identities::pin(who, identity));
        }
        if let Some(once) = &vouched.once {
            append = append.only_if(spent::is_new(once)).with(spent::spend(once));
        }
        let appended = self.store.ledger().append(append).await;
        appended.map_err(|failure| {
            if failure.nature == Nature::Conflict {
                return replayed();
            }
            failure
        })?;
        let token = self.session_token(&session).await?;
        Ok((session, token))
    }

    fn entered(&self, session: &Session, now: Timestamp, origin: &Origin) -> Event {
        let event = self.session_event(EventKind::SignedIn, session, origin);
        let again = session.created_at < now;
        let detail = event
            .detail
            .filter(|_| again)
            .map(|by| format!("again {by}"));
        Event {
            detail: detail.or_else(|| Some(format!("by {}", session.source))),
            ..event
        }
    }

    /// Refuses a name that is not that identity's: a name that was given to another account, or an
    /// account that comes by another name.
    async fn own_name(&self, vouched: &Vouched, identity: &Identity) -> Result<()> {
        let who = &vouched.caller.principal;
        let written = who.written();
        match self.store.pinned(who, identity).await? {
            Pinned::New | Pinned::Same => Ok(()),
            Pinned::Taken => Err(Failure::denied(format!(
                "the name {written} belongs to another account than this one of {}",
                identity.source
            ))
            .hint(format!(
                "if the account was replaced, an administrator runs: jit principals release {written}"
            ))),
            Pinned::Renamed(name) => Err(Failure::denied(format!(
                "this account of {} was here as {name}, and now comes as {written}",
                identity.source
            ))
            .hint(format!(
                "if it was renamed, an administrator runs: jit principals release {name}"
            ))),
        }
    }
}

fn replayed() -> Failure {
    signed_out("what was shown to sign in was used already")
}

fn begun(vouched: &Vouched, holder: PublicKey, now: Timestamp) -> Result<Session> {
    let expires_at = vouched.since.min(now).after(SESSION);
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
    })
}
