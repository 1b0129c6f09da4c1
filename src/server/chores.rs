//! What a server does by itself: it tells targets about grants that are over, and
//! forgets answers that nobody asks for again.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{current::Current, shared::Shared};
use crate::{
    domain::{
        event::Origin,
        failure::{Nature, Result},
    },
    platform::terminal,
};

/// How often targets are told, by one replica at a time.
const EVERY: Duration = Duration::from_mins(1);
/// How often answers are forgotten.
const FORGET: Duration = Duration::from_mins(10);

/// How often the OpenID provider is asked whether it is there.
const PROVIDER: Duration = Duration::from_secs(5);

/// Does them until the server ends.
pub(super) async fn run(current: &Current) {
    tokio::select! {
        () = tidy(current) => {}
        () = forget(current) => {}
        () = watch_provider(current) => {}
    }
}

async fn tidy(current: &Current) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(failure) = once(&current.served()).await {
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
async fn forget(current: &Current) {
    let mut rounds = interval(FORGET);
    loop {
        rounds.tick().await;
        let served = current.served();
        let authority = &served.authority;
        let now = (authority.clock)();
        // What could not be forgotten now is forgotten the next time.
        drop(authority.store.forget_answers(now).await);
        drop(authority.store.forget_spent(now).await);
    }
}

/// Asks the OpenID provider whether it is there, where sessions may go on without it.
async fn watch_provider(current: &Current) {
    let mut rounds = interval(PROVIDER);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let shared = current.served();
        let grace = shared.authority.lifecycles.human.attest_grace;
        let (Some(people), Some(_)) = (&shared.people, grace) else {
            continue;
        };
        let asked = people.issuer.metadata().await;
        let is_away = asked.is_err_and(|failure| failure.nature == Nature::Away);
        if shared.provider_is_away.swap(is_away, Ordering::Relaxed) != is_away {
            let what = if is_away {
                "does not answer: sessions go on for as long as attest_grace says"
            } else {
                "answers again"
            };
            terminal::report(&format!("jit: {} {what}", people.issuer.url()));
        }
    }
}
