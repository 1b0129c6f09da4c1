//! Many at once: replicas that start together, and replicas that write together.

use std::collections::BTreeSet;

use jit::{
    domain::event::{EventFilter, EventKind},
    store::{
        ledger::{Actor, Append, Appended, Verification},
        steps::is_still,
    },
};
use tokio::task::JoinSet;

use super::{NOW, Place, asked, block_on, event, granted, step};

#[test]
fn of_many_that_start_at_once_one_makes_the_tables_and_the_keys() {
    block_on(async {
        for place in Place::both() {
            if let Place::Sqlite(_) = place {
                // The file is made by whoever comes first; that the others wait is SQLite's own lock.
                std::fs::create_dir(place.file().parent().unwrap()).unwrap();
                let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
                std::fs::set_permissions(place.file().parent().unwrap(), private).unwrap();
            }
            let place = std::sync::Arc::new(place);
            let mut starting = JoinSet::new();
            for _ in 0..12 {
                let place = std::sync::Arc::clone(&place);
                starting.spawn(async move {
                    let store = place.open().await;
                    let key = store.signing_key("token", NOW).await.unwrap().public();
                    store.close().await;
                    key
                });
            }
            let keys: BTreeSet<_> = starting.join_all().await.into_iter().collect();
            assert_eq!(keys.len(), 1, "all use the same key");
        }
    });
}

#[test]
fn two_replicas_write_one_chain_and_one_of_two_steps() {
    block_on(async {
        for place in Place::both() {
            let replicas = [place.open().await, place.open().await];
            let pending: Vec<_> = (0..40).map(|_| asked("ssh/web:root", None)).collect();
            for one in &pending {
                let ask = step(&replicas[0], EventKind::Requested, one).await;
                replicas[0]
                    .ledger()
                    .append(ask)
                    .await
                    .unwrap()
                    .or_conflict()
                    .unwrap();
            }
            let mut writing = JoinSet::new();
            for one in &pending {
                for store in replicas.clone() {
                    let voucher = store.voucher(NOW).await.unwrap();
                    let mut approved = one.clone();
                    let terms = jit::domain::decision::Obligations::default();
                    approved
                        .grant(vec!["sensitive".to_owned()], terms, NOW)
                        .unwrap();
                    let one = is_still(one, &voucher).unwrap();
                    let approval = step(&store, EventKind::Granted, &approved)
                        .await
                        .only_if(one);
                    let other = granted("kubernetes/prod:view");
                    let other = step(&store, EventKind::Issued, &other).await;
                    writing.spawn(async move {
                        let both = tokio::join!(
                            store.ledger().append(approval),
                            store.ledger().append(other)
                        );
                        assert_eq!(both.1, Ok(Appended::Written));
                        both.0.unwrap() == Appended::Overtaken
                    });
                }
            }
            let refused = writing
                .join_all()
                .await
                .into_iter()
                .filter(|refused| *refused);
            assert_eq!(refused.count(), pending.len(), "exactly one of two");
            for store in &replicas {
                let Verification::Whole { entries, .. } = store.ledger().verify().await.unwrap()
                else {
                    panic!("one chain")
                };
                assert_eq!(entries, 40 + 40 + 80);
            }
            let [one, two] = replicas;
            one.close().await;
            two.close().await;
        }
    });
}

#[test]
fn what_is_queued_when_the_store_closes_is_written_or_refused() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            let mut writing = JoinSet::new();
            for _ in 0..300 {
                let store = store.clone();
                let voucher = store.voucher(NOW).await.unwrap();
                writing.spawn(async move {
                    let one = granted("ssh/web:deploy");
                    let append = Append::new(event(EventKind::Granted, &one), Actor::Authority)
                        .leaving(&one, &voucher)
                        .unwrap();
                    let outcome = store.ledger().append(append).await;
                    (one.request.id, outcome)
                });
            }
            tokio::task::yield_now().await;
            store.clone().close().await;
            let outcomes = writing.join_all().await;
            let again = place.open().await;
            let written = again.ledger().list(&EventFilter::default()).await.unwrap();
            let written: BTreeSet<_> = written.into_iter().map(|entry| entry.event.grant).collect();
            for (id, outcome) in &outcomes {
                let is_written = *outcome == Ok(Appended::Written);
                assert_eq!(is_written, written.contains(id), "{outcome:?}");
            }
            again.close().await;
        }
    });
}
