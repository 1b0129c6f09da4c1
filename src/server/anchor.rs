//! The newest checkpoint in a file of this replica's own, beside the database: by it a database is known
//! again that was restored from an old copy, lost its end in a failover, or was rewritten.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use super::{ground::Ground, operator};
use crate::{
    domain::{
        checkpoint::Checkpoint,
        event::{Event, EventKind},
        failure::{Failure, Nature, Result},
        time::Timestamp,
    },
    platform::{files, terminal},
    store::{
        Store,
        audit::Loss,
        checkpoints::{Pace, Signed},
        ledger::{Actor, Append},
    },
};

/// The file's name in the state directory.
const FILE: &str = "checkpoint";

/// How often a checkpoint is signed where there is something new.
const PACE: Pace = Pace {
    events: 1000,
    span: Duration::from_mins(1),
};

/// The same where the server ends.
const LAST: Pace = Pace {
    events: 1,
    span: Duration::ZERO,
};

/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(5);

/// How often a loss is told again while the server runs.
const AGAIN: Duration = Duration::from_mins(10);

/// What is done about a database that lacks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnLoss {
    /// It is not served.
    Refuse,
    /// It is, and that is recorded.
    Accept,
}

/// A ledger that is not what this authority wrote.
pub(super) struct Lost {
    /// The checkpoint that it contradicts.
    checkpoint: Option<Checkpoint>,
    /// What is said of it.
    pub(super) failure: Failure,
}

/// The file.
pub(super) struct Anchor(PathBuf);

impl Anchor {
    /// That of a state directory.
    pub(super) fn of(state: &Path) -> Self {
        Self(state.join(FILE))
    }

    /// Compares the database with what this replica last knew of it.
    ///
    /// # Errors
    /// The database is behind, or another one. Where that is to be accepted it is recorded instead.
    pub(super) async fn hold(
        &self,
        store: &Store,
        then: OnLoss,
        ground: &Ground<'_>,
    ) -> Result<()> {
        let now = (ground.clock)();
        let lost = self.lost(store, now).await?;
        // Made before anything is signed with it, so that each backup has it.
        store.checkpoint_keys(now).await?;
        let Some(Lost {
            checkpoint,
            failure,
        }) = lost
        else {
            return Ok(());
        };
        if then == OnLoss::Refuse {
            return Err(failure);
        }
        terminal::report(&format!("jit: taken all the same: {}", failure.message));
        let event = Event {
            checkpoint: checkpoint.map(Box::new),
            ..operator::event(EventKind::LossAccepted, failure.message, ground)?
        };
        store.vouch_for_tail(now).await?;
        let append = Append::new(event, Actor::Authority);
        store.ledger().append(append).await?.or_conflict()?;
        store.sign_head(now).await?;
        self.keep(store).await
    }

    /// What the database lacks, if nobody has answered for it yet.
    pub(super) async fn lost(&self, store: &Store, now: Timestamp) -> Result<Option<Lost>> {
        match store.check_tail(now).await {
            Ok(()) => {}
            Err(failure) if failure.nature == Nature::Away => return Err(failure),
            Err(failure) => {
                let checkpoint = None;
                return Ok(Some(Lost {
                    checkpoint,
                    failure,
                }));
            }
        }
        let kept = files::read_private(&self.0)?;
        let kept = kept.map(|note| String::from_utf8_lossy(&note).into_owned());
        let shown = self.0.display().to_string();
        if let Some(note) = &kept
            && let Some(lost) = contradicted(store, note, &shown).await?
        {
            return Ok(Some(lost));
        }
        let newest = store.newest_checkpoint().await?;
        match newest.filter(|newest| kept.as_ref() != Some(&newest.note)) {
            Some(newest) => contradicted(store, &newest.note, "its own newest checkpoint").await,
            None => Ok(None),
        }
    }

    /// Keeps the newest checkpoint, whoever signed it.
    async fn keep(&self, store: &Store) -> Result<()> {
        let Some(Signed { note, .. }) = store.newest_checkpoint().await? else {
            return Ok(());
        };
        let kept = files::read_private(&self.0)?;
        if kept.is_some_and(|kept| kept == note.as_bytes()) {
            return Ok(());
        }
        files::write_private(&self.0, note.as_bytes())
    }

    /// Signs when it is due and keeps what was signed, for as long as the server runs. A loss is told
    /// loudly, and the file is left as it is.
    pub(super) async fn watch(&self, store: &Store, clock: fn() -> Timestamp) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told: Option<Timestamp> = None;
        loop {
            ticks.tick().await;
            let now = clock();
            match self.tick(store, PACE, now).await {
                Ok(None) => told = None,
                Ok(Some(lost)) if told.is_none_or(|at| now >= at.after(AGAIN)) => {
                    tell(&lost.failure);
                    told = Some(now);
                }
                // Where the database is away, whoever asks for something hears it too.
                Err(failure)
                    if failure.nature != Nature::Away
                        && told.is_none_or(|at| now >= at.after(AGAIN)) =>
                {
                    tell(&failure);
                    told = Some(now);
                }
                Ok(Some(_)) | Err(_) => {}
            }
        }
    }

    /// Signs what is not signed yet, as the server ends.
    pub(super) async fn finish(&self, store: &Store, clock: fn() -> Timestamp) {
        // Where it cannot, the next start does not know the newest events; nothing is lost by that.
        drop(self.tick(store, LAST, clock()).await);
    }

    async fn tick(&self, store: &Store, pace: Pace, now: Timestamp) -> Result<Option<Lost>> {
        if let Some(lost) = self.lost(store, now).await? {
            return Ok(Some(lost));
        }
        if store.checkpoint_if_due(pace, now).await?.is_some() {
            // As often as this is often enough.
            store.retire(now).await?;
        }
        self.keep(store).await?;
        Ok(None)
    }
}

/// What a checkpoint of this authority says that the ledger lacks, if nobody has answered for it.
async fn contradicted(store: &Store, note: &str, shown: &str) -> Result<Option<Lost>> {
    let (checkpoint, loss) = match store.compare(note).await {
        Ok(compared) => compared,
        Err(failure) if failure.nature == Nature::Away => return Err(failure),
        Err(_) => {
            return Ok(Some(Lost {
                checkpoint: Checkpoint::parse(note).map(|(checkpoint, _)| checkpoint),
                failure: refused(format!(
                    "the ledger does not know the key that signed {shown}: it is an old copy, or another one"
                )),
            }));
        }
    };
    let Some(loss) = loss else { return Ok(None) };
    if store.acceptance(&checkpoint).await?.is_some() {
        return Ok(None);
    }
    let (seq, at) = (checkpoint.seq, checkpoint.at);
    let failure = refused(match loss {
        Loss::Behind { entries } => format!(
            "the ledger ends at entry {entries}, and it had {seq} at {at} by {shown}: it is an old copy, or lost its end"
        ),
        Loss::Rewritten => format!(
            "entry {seq} of the ledger is not the one that was there at {at} by {shown}: it was rewritten, or went on from an old copy"
        ),
    });
    let checkpoint = Some(checkpoint);
    Ok(Some(Lost {
        checkpoint,
        failure,
    }))
}

fn tell(failure: &Failure) {
    terminal::report(&format!("jit: {}\nhint: {}", failure.message, failure.hint));
}

fn refused(message: String) -> Failure {
    Failure::failed(message).hint(
        "give the server the right database; if what it lacks is lost for good: jit serve --accept-loss, \
         which is recorded",
    )
}
