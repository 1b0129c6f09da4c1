//! One life of a store, from the first process to a copy of version 1.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use jit::{
    domain::{
        event::{EventFilter, EventKind},
        session::Session,
    },
    platform::{clock, seal::SealingKey},
    store::{
        Store,
        database::Statement,
        ending::Ending,
        ledger::{Actor, Append, Appended, Verification},
        sessions::{self, DEEPEST},
        steps::is_still,
    },
};
use tokio::task::JoinSet;

use super::{
    NOW, Place, alice, asked, block_on, event, granted, id, plain, session, step, written,
};

#[test]
fn the_same_story_on_both_databases() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            elevations(&store).await;
            lines(&store).await;
            guards(&store).await;
            cursor(&store).await;
            let Verification::Whole { entries, .. } = store.ledger().verify().await.unwrap() else {
                panic!("nobody changed it")
            };
            store.close().await;
            let again = place.open().await;
            assert_eq!(again.head().await.unwrap(), entries, "it is all there");
            again.close().await;
        }
    });
}

async fn elevations(store: &Store) {
    let one = granted("postgres/orders:read");
    let append = step(store, EventKind::Granted, &one).await;
    written(store, append).await;
    let id = &one.request.id;
    assert_eq!(store.elevation(id, NOW).await.unwrap(), Some(one.clone()));
    assert_eq!(
        store.live(&alice(), NOW).await.unwrap(),
        std::slice::from_ref(&one)
    );
    assert!(store.unsettled(NOW).await.unwrap().is_empty());

    let mut ended = one.clone();
    ended.revoke(NOW).unwrap();
    let append = step(store, EventKind::Revoked, &ended).await;
    written(store, append).await;
    let late = step(store, EventKind::Issued, &one).await;
    written(store, late).await;
    assert_eq!(
        store.elevation(id, NOW).await.unwrap(),
        Some(ended),
        "it stays revoked"
    );
    assert!(store.live(&alice(), NOW).await.unwrap().is_empty());

    let later = NOW.after(Duration::from_hours(24));
    assert_eq!(store.unsettled(later).await.unwrap().len(), 1);
    store.settle(id).await.unwrap();
    assert!(store.unsettled(later).await.unwrap().is_empty());
}

async fn lines(store: &Store) {
    let mut line: Vec<Session> = Vec::new();
    let voucher = store.voucher(NOW).await.unwrap();
    for _ in 0..=DEEPEST {
        let next = session(line.last());
        let begin = Append::new(
            plain(EventKind::SignedIn, next.id.clone()),
            Actor::Authority,
        );
        let begin = begin.with(sessions::begin(&next, &voucher).unwrap());
        written(store, begin).await;
        line.push(next);
    }
    let of = async |at: usize| store.line(&line[at].id, NOW).await.unwrap();
    assert_eq!(of(0).await, line[..1]);
    let third: Vec<Session> = line[..3].iter().rev().cloned().collect();
    assert_eq!(of(2).await, third, "the nearest first");
    assert_eq!(of(DEEPEST - 1).await.len(), DEEPEST);
    assert!(of(DEEPEST).await.is_empty(), "no line is longer");
    // Each of many who ask at once hears of their own.
    let mut asking = JoinSet::new();
    for at in (0..200).map(|number| number % (DEEPEST + 2)) {
        let (store, ids) = (store.clone(), line.iter().map(|one| one.id.clone()));
        let asked = ids.chain([id()]).nth(at).unwrap();
        asking.spawn(async move { (at, store.line(&asked, NOW).await.unwrap()) });
    }
    for (at, found) in asking.join_all().await {
        let own: Vec<Session> = line.iter().take(at + 1).rev().cloned().collect();
        let is_one = at < DEEPEST;
        assert_eq!(found, if is_one { own } else { Vec::new() }, "{at}");
    }
    let late = NOW.after(Duration::from_hours(1));
    assert!(store.line(&line[2].id, late).await.unwrap().is_empty());

    let end = Append::new(
        plain(EventKind::SignedOut, line[1].id.clone()),
        Actor::Authority,
    );
    let end = end.ending(Ending::Session(line[1].id.clone()), voucher);
    written(store, end).await;
    assert_eq!(of(0).await.len(), 1);
    for at in 1..DEEPEST {
        assert!(of(at).await.is_empty(), "what is below has ended too");
    }
}

async fn guards(store: &Store) {
    let pending = asked("ssh/web:root", None);
    let ask = step(store, EventKind::Requested, &pending).await;
    written(store, ask).await;
    // Of many who take the same step at the same time one does.
    let before = store.head().await.unwrap();
    let voucher = store.voucher(NOW).await.unwrap();
    let steps: Vec<_> = (0..20)
        .map(|_| {
            let (store, mut approved) = (store.clone(), pending.clone());
            let policies = vec!["sensitive".to_owned()];
            approved
                .grant(policies, jit::domain::decision::Obligations::default(), NOW)
                .unwrap();
            let append = Append::new(event(EventKind::Granted, &approved), Actor::Authority)
                .leaving(&approved, &voucher)
                .unwrap()
                .only_if(is_still(&pending, &voucher).unwrap());
            tokio::spawn(async move { store.ledger().append(append).await })
        })
        .collect();
    let mut refused = 0;
    for step in steps {
        if step.await.unwrap().unwrap() == Appended::Overtaken {
            refused += 1;
        }
    }
    assert_eq!(refused, 19);
    assert_eq!(store.head().await.unwrap(), before + 1);

    broken_ones_fail_alone(store).await;
}

async fn broken_ones_fail_alone(store: &Store) {
    let once = session(None);
    let voucher = store.voucher(NOW).await.unwrap();
    let appends: Vec<_> = (0..30)
        .map(|at| {
            let append = Append::new(plain(EventKind::SignedIn, id()), Actor::Authority);
            let append = match at {
                7 => append.with(Statement::new("update nothing set at = 1", [])),
                11 | 13 => append.with(sessions::begin(&once, &voucher).unwrap()),
                _ => append.with(sessions::begin(&session(None), &voucher).unwrap()),
            };
            let store = store.clone();
            tokio::spawn(async move { store.ledger().append(append).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for append in appends {
        outcomes.push(append.await.unwrap());
    }
    let overtaken = outcomes
        .iter()
        .filter(|one| **one == Ok(Appended::Overtaken));
    assert_eq!(overtaken.count(), 1, "{outcomes:?}");
    let failed = outcomes.iter().filter(|one| one.is_err());
    assert_eq!(failed.count(), 1, "{outcomes:?}");
}

async fn cursor(store: &Store) {
    let all = store.ledger().list(&EventFilter::default()).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let filter = EventFilter {
            after: Some(after),
            limit: Some(7),
            ..EventFilter::default()
        };
        let page = store.ledger().list(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.seq;
        seen.extend(page);
    }
    assert_eq!(seen, all);
    let kind = EventFilter {
        kind: Some(EventKind::Requested),
        ..EventFilter::default()
    };
    assert_eq!(store.ledger().list(&kind).await.unwrap().len(), 1);
}

/// What the release before this one wrote is read, goes on, and still verifies; its keys are the same.
#[test]
fn a_ledger_of_version_1_goes_on() {
    const DUMP: &str = include_str!("../../fixtures/ledger-1.sql");
    const CA: &str = "oiQY5H6MPiJTNMzY5uid7QY5oI0Dg89cw9e7BqdbB3";
    let directory = tempfile::tempdir().unwrap();
    let (state, hex) = (directory.path().join("state"), DUMP.lines().nth(1).unwrap());
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    let key: Vec<u8> = (3..67)
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    let key = SealingKey::new(key.try_into().unwrap());
    let place = Place::Sqlite(directory);
    fs::write(place.file(), "").unwrap();
    fs::set_permissions(place.file(), fs::Permissions::from_mode(0o600)).unwrap();
    block_on(async {
        place.tamper(DUMP).await;
        let store = place.open_with(key).await.unwrap();
        let Verification::Whole { entries: 6, .. } = store.ledger().verify().await.unwrap() else {
            panic!("nobody changed it")
        };
        let ca = store
            .made_key("ca ssh/web", clock::now())
            .await
            .unwrap()
            .unwrap();
        let line = ssh_key::PublicKey::from(ssh_key::public::Ed25519PublicKey(ca.public().0));
        assert!(line.to_openssh().unwrap().contains(CA), "targets trust it");
        let found = store.ledger().list(&EventFilter::default()).await.unwrap();
        for entry in &found {
            // Nobody vouched for it then.
            let id = &entry.event.grant;
            assert_eq!(store.elevation(id, clock::now()).await, Ok(None));
        }
        store.close().await;
    });
}
