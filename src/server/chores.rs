//! What a server does by itself: it tells targets about grants that are over, and
//! forgets answers that nobody asks for again.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::shared::Shared;
use crate::{
    domain::{event::Origin, failure::Result},
    platform::terminal,
};

/// How often targets are told, by one replica at a time.
const EVERY: Duration = Duration::from_mins(1);
/// How often answers are forgotten.
const FORGET: Duration = Duration::from_mins(10);

/// Does them until the server ends.
pub(super) async fn run(shared: &Shared) {
    tokio::select! {
        () = tidy(shared) => {}
        () = forget(shared) => {}
    }
}

async fn tidy(shared: &Shared) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(failure) = once(shared).await {
            terminal::report(&format!("jit: not tidied: {failure}"));
        }
    }
}

async fn once(shared: &Shared) -> Result<()> {
    let authority = &shared.authority;
    let now = (authority.clock)();
    // A little less than the time between, so that the turn is free when it comes round.
    if authority.store.turn("tidy", now, EVERY / 2).await? {
        Box::pin(authority.tidy(&Origin::default())).await?;
    }
    Ok(())
}

/// Forgets the answers, and what served once, whose time is over.
async fn forget(shared: &Shared) {
    let authority = &shared.authority;
    let mut rounds = interval(FORGET);
    loop {
        rounds.tick().await;
        let now = (authority.clock)();
        // What could not be forgotten now is forgotten the next time.
        drop(authority.store.forget_answers(now).await);
        drop(authority.store.forget_spent(now).await);
    }
}
