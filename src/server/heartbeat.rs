//! Each replica publishes in the database, again and again, which policies and which catalogue it has in force,
//! and looks at what the others publish.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::current::Current;
use crate::{domain::failure::Result, store::replicas::Replica};

/// How often.
const EVERY: Duration = Duration::from_secs(10);

/// Publishes what this replica has in force and looks at the others. Never ends.
pub(super) async fn run(current: &Current) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let served = current.served();
        // Where the database is away, whoever asks for something hears it.
        drop(publish(current).await);
        tokio::select! {
            _tick = ticks.tick() => {}
            () = served.replicas.changed.notified() => {}
        }
    }
}

async fn publish(current: &Current) -> Result<()> {
    let served = current.served();
    let (store, now) = (&served.authority.store, (served.authority.clock)());
    let own = Replica {
        name: served.replicas.name.clone(),
        policies: served.digests.policies.clone(),
        catalogue: served.digests.catalogue.clone(),
    };
    store.publish_replica(&own, now).await?;
    let mut others = store.replicas(now).await?;
    others.retain(|other| {
        (&other.policies, &other.catalogue) != (&own.policies, &own.catalogue)
            && other.name != own.name
    });
    let many = i64::try_from(others.len()).unwrap_or(i64::MAX);
    served.metrics.differing(many);
    served.replicas.keep(&own, others);
    Ok(())
}
