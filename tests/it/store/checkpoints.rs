//! Checkpoints: what shows that a ledger lost its end, was rewritten, or was restored from an old copy.

use std::time::Duration;

use jit::{
    domain::event::{Event, EventKind},
    store::{
        Store,
        audit::Loss,
        checkpoints::Pace,
        ledger::{Actor, Append, Verification},
    },
};

use super::{NOW, Place, block_on, granted, id, plain, step, written};

const PACE: Pace = Pace {
    events: 10,
    span: Duration::from_mins(1),
};

async fn append(store: &Store, count: usize) {
    for _ in 0..count {
        let one = granted("ssh/web:deploy");
        let append = step(store, EventKind::Granted, &one).await;
        written(store, append).await;
    }
}

#[test]
fn a_checkpoint_is_made_when_it_is_due_by_one_of_many() {
    block_on(async {
        for place in Place::both() {
            let stores = [place.open().await, place.open().await, place.open().await];
            let made = async |now| {
                let all = stores
                    .iter()
                    .map(|store| store.checkpoint_if_due(PACE, now));
                let mut made = 0;
                for one in all {
                    made += usize::from(one.await.unwrap().is_some());
                }
                made
            };
            assert_eq!(made(NOW).await, 0, "nothing to sign");
            append(&stores[0], 3).await;
            assert_eq!(made(NOW).await, 1);
            assert_eq!(made(NOW.after(PACE.span)).await, 0, "nothing new");
            append(&stores[1], 3).await;
            assert_eq!(made(NOW).await, 0, "not yet");
            append(&stores[1], 7).await;
            assert_eq!(made(NOW).await, 1, "after ten events");
            append(&stores[1], 1).await;
            assert_eq!(made(NOW.after(PACE.span)).await, 1, "after a minute");
            let all = stores[0].checkpoints(0, 10).await.unwrap();
            let places: Vec<i64> = all.iter().map(|one| one.checkpoint.seq).collect();
            assert_eq!(places, [3, 13, 14]);
            assert_eq!(stores[0].checkpoints(3, 1).await.unwrap(), all[1..2]);
            let audit = stores[0].audit().await.unwrap();
            assert_eq!(audit.newest, Some(all[2].checkpoint.clone()));
        }
    });
}

#[test]
fn a_tail_that_was_cut_off_is_seen() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 5).await;
            let kept = store.checkpoint_if_due(PACE, NOW).await.unwrap().unwrap();
            assert_eq!(store.compare(&kept.note).await.unwrap().1, None);
            place.tamper("delete from events where seq > 3").await;
            let whole = store.ledger().verify().await.unwrap();
            assert!(
                matches!(whole, Verification::Whole { entries: 3, .. }),
                "the chain alone"
            );
            let Verification::Broken { entry: 4, what } = store.audit().await.unwrap().verification
            else {
                panic!("it was not seen")
            };
            assert!(what.contains("the end was cut off"), "{what}");
            // With the checkpoint gone as well, the one that somebody kept says so.
            place.tamper("delete from checkpoints").await;
            let loss = store.compare(&kept.note).await.unwrap().1;
            assert_eq!(loss, Some(Loss::Behind { entries: 3 }));
            append(&store, 4).await;
            let loss = store.compare(&kept.note).await.unwrap().1;
            assert_eq!(loss, Some(Loss::Rewritten));
            assert!(store.acceptance(&kept.checkpoint).await.unwrap().is_none());
        }
    });
}

#[test]
fn a_loss_that_somebody_answered_for_is_said_once() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 5).await;
            let kept = store.checkpoint_if_due(PACE, NOW).await.unwrap().unwrap();
            place.tamper("delete from events where seq > 3").await;
            // One that names nothing answers for nothing.
            let unnamed = plain(EventKind::LossAccepted, id());
            written(&store, Append::new(unnamed, Actor::Authority)).await;
            assert_eq!(store.acceptance(&kept.checkpoint).await.unwrap(), None);
            let accepted = Event {
                checkpoint: Some(Box::new(kept.checkpoint.clone())),
                ..plain(EventKind::LossAccepted, id())
            };
            written(&store, Append::new(accepted, Actor::Authority)).await;
            append(&store, 4).await;
            store.sign_head(NOW).await.unwrap();
            let entry = store.acceptance(&kept.checkpoint).await.unwrap().unwrap();
            assert_eq!(entry.seq, 5);
            assert!(matches!(
                store.audit().await.unwrap().verification,
                Verification::Whole { entries: 9, .. }
            ));
        }
    });
}

#[test]
fn a_checkpoint_that_this_ledger_did_not_sign_is_none() {
    block_on(async {
        let (one, other) = (Place::both().remove(0), Place::both().remove(0));
        let (store, others) = (one.open().await, other.open().await);
        append(&store, 3).await;
        append(&others, 3).await;
        let mine = store
            .checkpoint_if_due(PACE, NOW)
            .await
            .unwrap()
            .unwrap()
            .note;
        others.checkpoint_if_due(PACE, NOW).await.unwrap().unwrap();
        let failure = others.compare(&mine).await.unwrap_err();
        assert!(
            failure.message.contains("not signed by a key"),
            "{failure:?}"
        );
        for forged in [
            mine.replace("\n3\n", "\n2\n"),
            mine.replace("2027", "2026"),
            String::new(),
        ] {
            assert!(store.compare(&forged).await.is_err(), "{forged}");
        }
        // Go's golang.org/x/mod/sumdb/note would take this key and this note.
        let keys = store.checkpoint_keys(NOW).await.unwrap();
        assert!(
            keys.len() == 1 && keys[0].starts_with("jit-ledger+"),
            "{keys:?}"
        );
    });
}
