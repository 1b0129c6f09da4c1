//! An OpenID provider says that a person signed out there (OpenID Connect Back-Channel Logout 1.0).

use super::{Authority, people::People};
use crate::{
    domain::{
        event::{Event, EventKind, Origin},
        failure::{Failure, Result},
        id::GrantId,
        once::Once,
        session::Session,
    },
    platform::keys,
    store::{
        ending::Ending,
        identities::Identity,
        ledger::{Actor, Append, Appended},
        spent,
    },
    verify::trusted::{Purpose, Verified},
};

/// As many sessions end by one logout token; nobody has more by one sign-in.
const MOST: usize = 1000;

impl Authority {
    /// Ends the sessions that a logout token is about, and all that hangs on them: those that came of one session at
    /// the provider (`sid`), or all of a person. Returns how many. The same token again ends nothing.
    ///
    /// # Errors
    /// Sign-in (123): the token is refused. The provider's keys are not to be had.
    pub async fn provider_logout(
        &self,
        people: &People,
        logout_token: &str,
        origin: &Origin,
    ) -> Result<usize> {
        let now = (self.clock)();
        let verified = people.issuer.verify_for(Purpose::Logout, logout_token, now);
        let verified = verified.await?;
        let ended = self.logged_out(&verified).await?;
        let Some(first) = ended.first() else {
            return Ok(0);
        };
        let once = Once {
            id: spent_id(&verified),
            until: verified.expires_at,
        };
        let event = Event {
            detail: Some(format!("by {}, where they signed out", verified.issuer)),
            ..self.session_event(EventKind::SignedOut, first, origin)
        };
        let ids: Vec<GrantId> = ended.iter().map(|session| session.id.clone()).collect();
        let append = Append::new(event, Actor::Authority)
            .only_if(spent::is_new(&once))
            .with(spent::spend(&once))
            .ending(Ending::Sessions(ids), self.store.voucher(now).await?);
        match self.store.ledger().append(append).await? {
            Appended::Written => Ok(ended.len()),
            // It was shown before, and did then what it is for.
            Appended::Overtaken => Ok(0),
        }
    }

    /// The live sessions that a logout token is about. One that does not know its session at the provider may have
    /// come of any, so that it is among them.
    async fn logged_out(&self, verified: &Verified) -> Result<Vec<Session>> {
        let now = (self.clock)();
        let who = if verified.subject.is_empty() {
            None
        } else {
            let identity = Identity {
                source: verified.issuer.clone(),
                subject: verified.subject.clone(),
            };
            match self.store.person_of(&identity, now).await? {
                Some(who) => Some(who),
                None => return Ok(Vec::new()),
            }
        };
        let session_there = verified.text("sid");
        let all = self.store.sessions_of_people(who.as_ref(), now).await?;
        let of_it = all.into_iter().filter(|session| {
            let is_same = match (session_there, session.provider_session.as_deref()) {
                (None, _) => true,
                (Some(_), None) => who.is_some(),
                (Some(there), Some(own)) => there == own,
            };
            is_same && session.source == verified.issuer
        });
        let of_it: Vec<Session> = of_it.take(MOST + 1).collect();
        if of_it.len() > MOST {
            return Err(Failure::failed("a logout token is about too many sessions")
                .hint("disable whom it is about: jit principals disable NAME -j WHY"));
        }
        Ok(of_it)
    }
}

/// By what a logout token is known, so that it serves once.
fn spent_id(verified: &Verified) -> String {
    let id = verified.text("jti").unwrap_or_default();
    let named = format!("{} {id}", verified.issuer);
    format!(
        "logout-token {}",
        keys::hex(&keys::sha256(named.as_bytes()))
    )
}
