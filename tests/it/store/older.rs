//! An attacker with write access to the database who says that it is of an older version again, or puts
//! rows there that such a version had, gets nothing vouched for.

use std::time::Duration;

use jit::{
    domain::{
        checkpoint::Checkpoint,
        event::{Event, EventKind},
    },
    store::checkpoints::Pace,
};

use super::{
    NOW, Place, block_on, granted, plain,
    planted::{append, head, plant},
    step,
};

/// Takes the database back to version 3, as whoever knows the layout does.
const TO_VERSION_3: [&str; 8] = [
    "drop index events_by_name",
    "alter table identities drop column vouched",
    "drop index events_by_standing",
    "alter table principals drop column vouched",
    "alter table principals drop column attested_groups",
    "drop table replicas",
    "drop table upgraded",
    "delete from schema_version where version > 3",
];

async fn to_version_3(place: &Place) {
    for sql in TO_VERSION_3 {
        place.tamper(sql).await;
    }
    place.tamper("alter table events drop column vouched").await;
}

fn acceptance() -> Event {
    Event {
        checkpoint: Some(Box::new(Checkpoint {
            seq: 100,
            hash: "0".repeat(64),
            at: NOW,
        })),
        ..plain(EventKind::LossAccepted, super::id())
    }
}

#[test]
fn an_end_that_was_planted_is_not_vouched_for_by_taking_the_schema_back() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 3).await;
            place
                .tamper(&plant(&head(&store).await, 4, &acceptance()))
                .await;
            store.close().await;
            to_version_3(&place).await;
            let opened = place.open().await;
            let refused = opened.check_tail(NOW).await.unwrap_err();
            assert!(
                refused
                    .message
                    .contains("entry 4 of the ledger was not written by this"),
                "{refused:?}"
            );
            let one = step(&opened, EventKind::Granted, &granted("ssh/web:deploy")).await;
            assert_eq!(opened.ledger().append(one).await.unwrap_err(), refused);
        }
    });
}

#[test]
fn an_end_that_was_planted_is_not_vouched_for_by_noting_it_as_that_of_an_older_ledger() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 3).await;
            place
                .tamper(&plant(&head(&store).await, 4, &acceptance()))
                .await;
            store.close().await;
            place
                .tamper("update events set vouched = '' where seq = 4")
                .await;
            place
                .tamper("insert into upgraded (seq, at, hash) select seq, at, hash from events where seq = 4")
                .await;
            let opened = place.open().await;
            assert!(opened.check_tail(NOW).await.is_err());
        }
    });
}

#[test]
fn a_ledger_of_version_3_goes_on_where_a_checkpoint_covers_its_end() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            append(&store, 3).await;
            let pace = Pace {
                events: 1,
                span: Duration::ZERO,
            };
            store.checkpoint_if_due(pace, NOW).await.unwrap().unwrap();
            store.close().await;
            to_version_3(&place).await;
            let opened = place.open().await;
            opened.check_tail(NOW).await.unwrap();
            append(&opened, 1).await;
        }
    });
}
