//! The ledger: durable appends by one who waits for each and by 64 at once, and verification.
//! Run: `cargo bench --bench ledger`
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark may fail, and prints"
)]

#[expect(dead_code, reason = "the others use all of it")]
mod measure;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jit::{
    app::embedded::block_on,
    domain::{
        decision::{Obligations, Verdict},
        elevation::{Elevation, Request},
        event::{Event, EventKind, Origin},
        id::GrantId,
        principal::{Class, Principal},
        time::Timestamp,
    },
    platform::{clock, keys, seal::SealingKey},
    store::{
        Store,
        ledger::{Append, Verification},
    },
};
use measure::rounds;

const WRITERS: usize = 64;

fn main() {
    block_on(measure_all()).expect("a runtime");
}

async fn measure_all() {
    // Not in /tmp, which may be memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = directory.path().join("ledger/ledger.db");
    let store = Store::open(&file, SealingKey::new([7; 32])).await.unwrap();
    let appends = rounds(2_000);

    let started = Instant::now();
    append(&store, appends).await;
    let alone = rate(appends, started.elapsed());

    let started = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { append(&store, appends / 4).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let together = rate(WRITERS * (appends / 4), started.elapsed());

    let started = Instant::now();
    let Verification::Whole { entries, .. } = store.ledger().verify().await.unwrap() else {
        unreachable!("nobody changed it")
    };
    let verified = rate(usize::try_from(entries).unwrap(), started.elapsed());

    println!("{:32} {:>12} {:>8}", "", "entries/s", "ratio");
    for (name, rate) in [
        ("one writer, each append awaited", alone),
        ("64 writers, committed in groups", together),
        ("verification", verified),
    ] {
        println!("{name:32} {rate:>12.0} {:>8.1}", rate / alone);
    }
    println!(
        "\n{entries} entries, each with its elevation, in {}",
        directory.path().display()
    );
}

async fn append(store: &Store, count: usize) {
    for _ in 0..count {
        let (event, elevation) = granted(clock::now());
        let append = Append::new(event).leaving(&elevation).unwrap();
        store.ledger().append(append).await.unwrap();
    }
}

fn rate(count: usize, span: Duration) -> f64 {
    count as f64 / span.as_secs_f64()
}

/// What a routine elevation leaves behind.
fn granted(now: Timestamp) -> (Event, Elevation) {
    let mut elevation = Elevation::ask(Request {
        id: GrantId::new(now, keys::random().unwrap()),
        principal: Principal::new(Class::Human, "alice@example.com").unwrap(),
        entitlement: "kubernetes/prod:view".parse().unwrap(),
        justification: Some("order 4711 does not ship".to_owned()),
        ttl: None,
        break_glass: false,
        verb: None,
        session: None,
        chain: Vec::new(),
        address: None,
        asked_at: now,
    });
    let policies = vec!["routine".to_owned()];
    elevation
        .grant(policies.clone(), Obligations::default(), now)
        .unwrap();
    let request = &elevation.request;
    let origin = Origin {
        host: "laptop.example.com".to_owned(),
        terminal: Some("/dev/pts/3".to_owned()),
        tool: Some("kubectl".to_owned()),
        address: None,
    };
    let event = Event {
        entitlement: Some(request.entitlement.clone()),
        justification: request.justification.clone(),
        verdict: Some(Verdict::Allow),
        policies,
        expires_at: elevation.live(now).map(|grant| grant.expires_at),
        took_ms: BTreeMap::from([("decided".to_owned(), 1)]),
        ..Event::new(
            EventKind::Granted,
            now,
            request.id.clone(),
            request.principal.clone(),
            origin,
        )
    };
    (event, elevation)
}
