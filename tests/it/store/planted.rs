//! Entries and checkpoints that somebody with write access to the database put there: nothing is appended
//! behind them, nothing signs them, and they answer for no loss.

use std::time::Duration;

use jit::{
    domain::{
        checkpoint::Checkpoint,
        event::{Event, EventKind},
    },
    store::{
        Store,
        chain::Stored,
        checkpoints::{Pace, Signed},
        ledger::{Actor, Append, Verification},
    },
};

use super::{NOW, Place, block_on, granted, id, plain, step, written};

const PACE: Pace = Pace {
    events: 1,
    span: Duration::ZERO,
};

pub(super) async fn append(store: &Store, count: usize) {
    for _ in 0..count {
        let one = granted("ssh/web:deploy");
        let append = step(store, EventKind::Granted, &one).await;
        written(store, append).await;
    }
}

async fn signed(store: &Store) -> Signed {
    store.checkpoint_if_due(PACE, NOW).await.unwrap().unwrap()
}

/// An acceptance of the loss of that checkpoint.
fn acceptance(lost: &Checkpoint) -> Event {
    Event {
        checkpoint: Some(Box::new(lost.clone())),
        ..plain(EventKind::LossAccepted, id())
    }
}

/// The SQL that puts an event behind the last one, as whoever knows the layout does: chained as it should
/// be, with the code of another entry.
pub(super) fn plant(head: &str, seq: i64, event: &Event) -> String {
    let Stored {
        columns,
        body,
        hash,
        ..
    } = Stored::new(head, seq, event).unwrap();
    format!(
        "insert into events (seq, at, kind, grant_id, principal, resource, role, body, hash, vouched)
         select {seq}, {}, '{}', '{}', '{}', '', '', '{body}', '{hash}', vouched
         from events where seq = {}",
        columns.at,
        columns.kind,
        columns.grant,
        columns.principal,
        seq - 1
    )
}

pub(super) async fn head(store: &Store) -> String {
    match store.ledger().verify().await.unwrap() {
        Verification::Whole { head, .. } => head,
        Verification::Broken { what, .. } => panic!("{what}"),
    }
}

#[test]
fn nothing_is_appended_behind_an_entry_that_somebody_else_wrote_and_nothing_signs_it() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 3).await;
            let planted = Event {
                at: NOW.after(Duration::from_hours(1)),
                ..acceptance(&Checkpoint {
                    seq: 100,
                    hash: "0".repeat(64),
                    at: NOW,
                })
            };
            place.tamper(&plant(&head(&store).await, 4, &planted)).await;
            assert!(
                matches!(
                    store.ledger().verify().await.unwrap(),
                    Verification::Whole { entries: 4, .. }
                ),
                "the chain alone is whole"
            );
            for opened in [&store, &place.open().await] {
                let one = step(opened, EventKind::Granted, &granted("ssh/web:deploy")).await;
                let refused = opened.ledger().append(one).await.unwrap_err();
                assert!(
                    refused
                        .message
                        .contains("entry 4 of the ledger was not written by this"),
                    "{refused:?}"
                );
                let unsigned = opened.checkpoint_if_due(PACE, NOW).await.unwrap_err();
                assert_eq!(unsigned.message, refused.message);
                assert_eq!(opened.check_tail(NOW).await.unwrap_err(), unsigned);
            }
            // Somebody who answers for it has the authority go on from there.
            store.vouch_for_tail(NOW).await.unwrap();
            append(&store, 1).await;
        }
    });
}

#[test]
fn a_planted_acceptance_answers_for_no_loss() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 5).await;
            let kept = signed(&store).await;
            place.tamper("delete from events where seq > 3").await;
            place.tamper("delete from checkpoints").await;
            let planted = acceptance(&kept.checkpoint);
            place.tamper(&plant(&head(&store).await, 4, &planted)).await;
            assert_eq!(store.acceptance(&kept.checkpoint).await, Ok(None));
            store.vouch_for_tail(NOW).await.unwrap();
            let taken = store.acceptance(&kept.checkpoint).await.unwrap();
            assert!(
                taken.is_some(),
                "it is as an operator would have written it"
            );
        }
    });
}

#[test]
fn an_acceptance_answers_for_the_loss_that_it_names_and_for_no_later_one() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 5).await;
            let earlier = signed(&store).await.checkpoint;
            append(&store, 2).await;
            let lost = signed(&store).await.checkpoint;
            place.tamper("delete from events where seq > 3").await;
            let accepted = Append::new(acceptance(&lost), Actor::Authority);
            written(&store, accepted).await;
            store.sign_head(NOW).await.unwrap();
            for one in [&earlier, &lost] {
                let entry = store.acceptance(one).await.unwrap();
                assert_eq!(entry.map(|entry| entry.seq), Some(4), "{one:?}");
            }
            // What was recorded since then is cut off.
            append(&store, 8).await;
            let later = NOW.after(Duration::from_mins(1));
            let since = store.checkpoint_if_due(PACE, later).await.unwrap();
            let since = since.unwrap().checkpoint;
            place.tamper("delete from events where seq > 4").await;
            assert_eq!(store.acceptance(&since).await, Ok(None));
            let audit = store.audit().await.unwrap().verification;
            assert!(matches!(audit, Verification::Broken { .. }), "{audit:?}");
        }
    });
}

#[test]
fn an_entry_dated_after_a_checkpoint_is_not_signed_by_it() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 1).await;
            let ahead = NOW.after(Duration::from_hours(1));
            let event = Event {
                at: ahead,
                ..plain(EventKind::SignedIn, id())
            };
            written(&store, Append::new(event, Actor::Authority)).await;
            let early = store.checkpoint_if_due(PACE, NOW).await.unwrap_err();
            assert!(
                early.message.contains("entry 2 of the ledger is dated"),
                "{early:?}"
            );
            let moment = ahead.before(Duration::from_secs(1));
            assert_eq!(store.checkpoint_if_due(PACE, moment).await, Ok(None));
            let on_time = store.checkpoint_if_due(PACE, ahead).await.unwrap().unwrap();
            assert_eq!((on_time.checkpoint.seq, on_time.checkpoint.at), (2, ahead));
        }
    });
}

#[test]
fn checkpoints_that_somebody_else_wrote_put_none_off() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 2).await;
            let first = signed(&store).await;
            for seq in [3, 1_000_000_000] {
                place
                    .tamper(&format!(
                        "insert into checkpoints (seq, at, hash, note)
                         select {seq}, at, hash, note from checkpoints where seq = 2"
                    ))
                    .await;
            }
            assert_eq!(store.newest_checkpoint().await, Ok(Some(first)));
            append(&store, 1).await;
            let second = signed(&store).await;
            assert_eq!(second.checkpoint.seq, 3);
            assert_eq!(store.newest_checkpoint().await, Ok(Some(second)));
        }
    });
}
