//! The ledger on SQLite and on PostgreSQL: durable appends by one who waits for each and by 64 at once,
//! and verification. Run: `JIT_BENCH_DATABASE=postgres://… cargo bench --bench ledger`
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
    env,
    time::{Duration, Instant},
};

use jit::{
    app::embedded::block_on,
    domain::{
        decision::{Obligations, Verdict},
        elevation::{Elevation, Request},
        event::{Event, EventKind, Origin},
        id::GrantId,
        principal::{Caller, Class, Principal},
        session::Session,
        time::Timestamp,
    },
    platform::{clock, keys, seal::SealingKey},
    store::{
        Store,
        ledger::{Actor, Append, Appended, Verification},
        sessions,
    },
};
use measure::rounds;
use secrecy::SecretString;

const WRITERS: usize = 64;

fn main() {
    block_on(measure_all()).expect("a runtime");
}

async fn measure_all() {
    // Not in /tmp, which may be memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = directory.path().join("ledger/ledger.db");
    let key = SealingKey::new([7; 32]);
    let store = Store::open_shared(&file, key.clone()).await.unwrap();
    measure(&format!("SQLite in {}", directory.path().display()), &store).await;
    match env::var("JIT_BENCH_DATABASE") {
        Ok(url) => {
            let store = Store::connect(&SecretString::from(url), key).await.unwrap();
            measure("PostgreSQL", &store).await;
        }
        Err(_) => println!("PostgreSQL: name an empty database, JIT_BENCH_DATABASE=postgres://…"),
    }
}

async fn measure(name: &str, store: &Store) {
    let appends = rounds(2_000);
    let session = session();
    let event = Event::new(
        EventKind::SignedIn,
        session.created_at,
        session.id.clone(),
        session.caller.principal.clone(),
        Origin::default(),
    );
    let voucher = store.voucher(session.created_at).await.unwrap();
    let begin =
        Append::new(event, Actor::Authority).with(sessions::begin(&session, &voucher).unwrap());
    let outcome = store.ledger().append(begin).await;
    assert_eq!(outcome, Ok(Appended::Written));

    let started = Instant::now();
    append(store, appends, None).await;
    let alone = rate(appends, started.elapsed());
    let together = together(store, appends / 4, None).await;
    let guarded = self::together(store, appends / 4, Some(&session.id)).await;

    let started = Instant::now();
    let Verification::Whole { entries, .. } = store.ledger().verify().await.unwrap() else {
        unreachable!("nobody changed it")
    };
    let verified = rate(usize::try_from(entries).unwrap(), started.elapsed());

    println!("{:40} {:>12} {:>8}", name, "entries/s", "ratio");
    for (name, rate) in [
        ("one writer, each append awaited", alone),
        ("64 writers, committed in groups", together),
        ("64 writers, each in a live session", guarded),
        ("verification", verified),
    ] {
        println!("{name:40} {rate:>12.0} {:>8.1}", rate / alone);
    }
    println!("{entries} entries, each with its elevation\n");
}

/// The rate of many writers at once, each of whose appends rests on that session.
async fn together(store: &Store, each: usize, session: Option<&GrantId>) -> f64 {
    let started = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (store, session) = (store.clone(), session.cloned());
            tokio::spawn(async move { append(&store, each, session.as_ref()).await })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    rate(WRITERS * each, started.elapsed())
}

async fn append(store: &Store, count: usize, session: Option<&GrantId>) {
    for _ in 0..count {
        let now = clock::now();
        let (event, elevation) = granted(now);
        let voucher = store.voucher(now).await.unwrap();
        let mut append = Append::new(event, Actor::Authority)
            .leaving(&elevation, &voucher)
            .unwrap();
        if let Some(session) = session {
            append = append.only_if(sessions::goes_on(session));
        }
        let outcome = store.ledger().append(append).await;
        assert_eq!(outcome, Ok(Appended::Written));
    }
}

fn session() -> Session {
    let now = clock::now();
    let principal = Principal::new(Class::Human, "alice@example.com").unwrap();
    Session {
        id: GrantId::new(now, keys::random().unwrap()),
        caller: Caller::new(principal, [].into()),
        holder: keys::generate().unwrap().public(),
        source: "https://id.example.com".to_owned(),
        parent: None,
        only: None,
        created_at: now,
        expires_at: now.after(Duration::from_hours(1)),
        provider_session: None,
        attested_at: None,
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
        enrolled_by: None,
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
