//! What is recorded at once: an event, what else is written with it, and on what condition.

use super::{
    conditions::{goes_on, is_unspent, may_come, spend, stands},
    ending::{End, Ending},
    statement::Statement,
    steps,
    vouched::Voucher,
};
use crate::domain::{
    elevation::Elevation,
    event::Event,
    failure::{Failure, Nature, Result},
    once::Once,
    principal::Principal,
    session::Session,
};

/// On whose account something is recorded. No append is made without it, so that nothing is recorded for a
/// caller who was shut out meanwhile.
#[derive(Clone, Copy, Debug)]
pub enum Actor<'a> {
    /// A caller: only while each session of its delegation chain goes on, nobody in the chain is disabled or
    /// lost a group, and once for its proof. The embedded authority has neither sessions nor proofs.
    Caller {
        /// The session that is asked in, and those that delegated to it.
        sessions: &'a [Session],
        /// The proof of the request; absent where an earlier append of the same request used it up.
        proof: Option<&'a Once>,
    },
    /// Somebody who signs in: only while they are not disabled.
    SignIn(&'a Principal),
    /// The authority itself, or its operator on the machine that it runs on.
    Authority,
}

/// What is recorded: an event, and what else is written in the same commit.
#[derive(Clone, Debug)]
pub struct Append {
    pub(super) events: Vec<Event>,
    pub(super) ending: Option<End>,
    pub(super) guards: Vec<Statement>,
    pub(super) writes: Vec<Statement>,
    pub(super) voucher: Option<Voucher>,
}

impl Append {
    /// An event, on whose account it is recorded.
    pub fn new(event: Event, actor: Actor<'_>) -> Self {
        let append = Self {
            events: vec![event],
            ending: None,
            guards: Vec::new(),
            writes: Vec::new(),
            voucher: None,
        };
        match actor {
            Actor::Authority => append,
            Actor::SignIn(who) => append.only_if(may_come(who)),
            Actor::Caller { sessions, proof } => append.once(proof).only_while(sessions),
        }
    }

    fn once(self, proof: Option<&Once>) -> Self {
        match proof {
            Some(proof) => self.only_if(is_unspent(proof)).with(spend(proof)),
            None => self,
        }
    }

    /// Only while all these sessions go on, and whoever they are for stands as they were read.
    #[must_use]
    pub fn only_while(self, sessions: &[Session]) -> Self {
        sessions.iter().fold(self, |append, session| {
            append
                .only_if(goes_on(&session.id))
                .only_if(stands(&session.caller))
        })
    }

    /// With another event behind it.
    #[must_use]
    pub fn and(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// With the end of everything that hangs on what it is about, as that is found when it is written.
    #[must_use]
    pub fn ending(mut self, ending: Ending, voucher: Voucher) -> Self {
        self.ending = Some(End { ending, voucher });
        self
    }

    /// With where it leaves the elevation that it is about.
    pub fn leaving(self, elevation: &Elevation, voucher: &Voucher) -> Result<Self> {
        Ok(self.with(steps::write(elevation, voucher)?))
    }

    /// With something else that is written. A [`Statement::insert`] costs the least.
    #[must_use]
    pub fn with(mut self, write: Statement) -> Self {
        self.writes.push(write);
        self
    }

    /// Only if that `select` finds a row when it is written. Writers come one after the other, so
    /// what a guard found holds until the commit. A [`Statement::by_key`] costs the least.
    #[must_use]
    pub fn only_if(mut self, guard: Statement) -> Self {
        self.guards.push(guard);
        self
    }

    /// With a new key that vouches for its events and for all that come behind them.
    #[must_use]
    pub(super) fn vouched_by(mut self, voucher: Voucher) -> Self {
        self.voucher = Some(voucher);
        self
    }

    /// Whether it does nothing but insert rows, so that others may be written with it.
    pub(super) fn only_inserts(&self) -> bool {
        self.ending.is_none() && self.writes.iter().all(Statement::is_insert)
    }
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Appended {
    /// It is on the disk.
    Written,
    /// Nothing of it was written: one of its conditions did not hold any more, or one of its rows was there
    /// already. Another request was first, or what it rests on has ended.
    Overtaken,
}

impl Appended {
    /// Makes a failure of being overtaken, for a caller that has nothing to look up again.
    ///
    /// # Errors
    /// It was overtaken ([`overtaken`]).
    pub fn or_conflict(self) -> Result<()> {
        match self {
            Self::Written => Ok(()),
            Self::Overtaken => Err(overtaken()),
        }
    }
}

/// The failure of a request that was overtaken by another one.
pub fn overtaken() -> Failure {
    Failure::denied("somebody else was first, or what it rests on has ended")
        .hint("run the command again")
        .of_nature(Nature::Conflict)
}
