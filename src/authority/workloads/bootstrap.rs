//! The first administrator of an authority that nobody ever came to: whoever reads the code on its
//! terminal. The door is open once, for whoever is first, and never again.

use std::{collections::BTreeSet, time::Duration};

use super::keys::code_hash;
use crate::{
    authority::{Authority, entrance::KEY},
    domain::{
        enrolment::Enrolment,
        event::{Event, EventKind, Origin},
        failure::{Failure, Result},
        once::Once,
        principal::{ADMINISTRATORS, Principal},
        time::Timestamp,
    },
    store::{
        enrolments,
        identities::{self, Identity},
        ledger::{Actor, Append, Appended},
        principals, spent,
    },
};

/// How long the first administrator's machine may take from here to its key.
const MOMENT: Duration = Duration::from_mins(10);
/// What a join code begins with that is the bootstrap code and the name to have.
const WORD: &str = "bootstrap ";

/// The join code that a bootstrap code is for whoever is to have that name.
pub fn join_code(name: &str, code: &str) -> String {
    format!("{WORD}{name} {}", code.trim())
}

/// The name and the bootstrap code in a join code, if they are in it.
pub fn of_join_code(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix(WORD)?.split_once(' ')
}

/// The door itself; that it was used is never forgotten.
fn door() -> Once {
    Once {
        id: "bootstrap".to_owned(),
        until: Timestamp::from_millis(i64::MAX),
    }
}

impl Authority {
    /// Whether nobody was ever let in here, so that the first one may be.
    pub async fn awaits_its_first(&self) -> Result<bool> {
        let is_used = self.store.is_spent(&door().id).await?;
        Ok(!is_used && !self.store.has_people().await?)
    }

    /// Makes the first administrator: enrols that name, for the machine that shows the same code next.
    ///
    /// # Errors
    /// Denied (121): somebody was first.
    pub async fn bootstrap(&self, name: &str, code: &str, origin: &Origin) -> Result<()> {
        let now = (self.clock)();
        let hash = code_hash(&join_code(name, code));
        // Whoever lost the answer comes again.
        if self.store.enrolment_by_code(&hash, now).await?.is_some() {
            return Ok(());
        }
        let who = Principal::person(name)?;
        let enrolment = Enrolment {
            principal: who.clone(),
            groups: BTreeSet::from([ADMINISTRATORS.to_owned()]),
            made_by: None,
            made_at: now,
            inviter: None,
            invited_from: None,
        };
        // So that no provider's account of that name is taken for them later.
        let identity = Identity {
            source: KEY.to_owned(),
            subject: who.name().to_owned(),
        };
        let what = "became the first administrator by the bootstrap code".to_owned();
        let event = Event {
            account: Some(identity.digest()),
            ..self.key_event(EventKind::Enrolled, &enrolment, what, origin)?
        };
        let voucher = self.store.voucher(now).await?;
        let append = Append::new(event, Actor::SignIn(&who))
            .only_if(spent::is_new(&door()))
            .only_if(principals::no_people())
            .only_if(enrolments::is_new(&who, &hash))
            .with(spent::spend(&door()))
            .with(identities::pin(&who, &identity, &voucher))
            .with(enrolments::invite(
                &enrolment,
                (&hash, now.after(MOMENT)),
                &voucher,
            )?);
        match self.store.ledger().append(append).await? {
            Appended::Written => Ok(()),
            Appended::Overtaken => Err(closed()),
        }
    }
}

/// What whoever comes too late, or with another code, is told.
pub fn closed() -> Failure {
    Failure::denied("the bootstrap code is not this server's, or somebody was first")
        .hint("it is on the terminal of a server that nobody ever signed in at; otherwise ask an administrator for a join code")
}
