//! What a server does by itself: it tells targets about grants that are over, and
//! forgets answers that nobody asks for again.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{once, shared::Shared};
use crate::{
    domain::{event::Origin, failure::Result},
    platform::terminal,
};

/// How often, by one replica at a time.
const EVERY: Duration = Duration::from_mins(1);

/// Does them until the server ends.
pub(super) async fn run(shared: &Shared) {
    tokio::select! {
        () = tidy(shared) => {}
        () = once::forget(shared) => {}
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
