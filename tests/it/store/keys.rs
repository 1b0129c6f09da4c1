//! Signing keys over generations, and the key that seals them.

use std::{sync::Arc, time::Duration};

use jit::{
    domain::{event::EventKind, key::PublicKey, time::Timestamp},
    platform::{keys::hex, proof::thumbprint, seal::SealingKey},
    store::{Store, rotate::Rotation},
};

use sqlx::PgPool;

use super::{NOW, Place, alice, block_on, granted, id, plain, step, written};
use crate::support::{Access, Postgres, until};

fn to(purpose: &str, starts_at: Timestamp) -> Rotation<'_> {
    Rotation {
        purpose,
        now: NOW,
        starts_at,
        compromised: false,
    }
}

async fn rotate(store: &Store, rotation: Rotation<'_>) -> i64 {
    store
        .rotate(&rotation, plain(EventKind::Rotated, id()))
        .await
        .unwrap()
}

#[test]
fn a_key_is_replaced_while_others_run_and_verifies_what_it_signed() {
    block_on(async {
        for place in Place::both() {
            let (here, there) = (place.open().await, place.open().await);
            let old = here.signing_key("token", NOW).await.unwrap().public();
            assert_eq!(there.signing_key("token", NOW).await.unwrap().public(), old);
            assert_eq!(rotate(&here, to("token", NOW)).await, 2);
            let new = here.signing_key("token", NOW).await.unwrap().public();
            assert_ne!(new, old);
            // Another replica meets the new key before it was told.
            assert_eq!(verifying(&there, new).await, new);
            assert_eq!(there.signing_key("token", NOW).await.unwrap().public(), new);
            assert_eq!(verifying(&there, old).await, old);
            assert_eq!(there.public_keys("token", NOW).await.unwrap(), [new, old]);
            let late = NOW.after(Duration::from_hours(24 * 31));
            assert_eq!(there.public_keys("token", late).await.unwrap(), [new]);
            let signs = async || {
                let all = here.generations().await.unwrap();
                let tokens = all.iter().filter(|one| one.purpose == "token");
                tokens.map(|one| one.can_sign).collect::<Vec<bool>>()
            };
            here.retire(NOW).await.unwrap();
            assert_eq!(signs().await, [true, true]);
            here.retire(late).await.unwrap();
            assert_eq!(signs().await, [false, true], "the old private half is gone");
            assert_eq!(
                verifying(&place.open().await, old).await,
                old,
                "it verifies"
            );

            // In other hands: nothing it signed is accepted any more.
            let lost = Rotation {
                compromised: true,
                ..to("token", NOW)
            };
            assert_eq!(rotate(&here, lost).await, 3);
            let left = here.verifying_keys("token", None).await.unwrap();
            assert!(left.len() == 1 && !left.contains(&new) && !left.contains(&old));
        }
    });
}

/// The key of that name, as a replica finds it that asks for unknown ones once a second at most.
async fn verifying(store: &Store, key: PublicKey) -> PublicKey {
    let named = thumbprint(key).unwrap();
    loop {
        let found = store.verifying_keys("token", Some(&named)).await.unwrap();
        if let Some(found) = found.first() {
            return *found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn once_the_key_of_rows_was_in_other_hands_everybody_asks_again() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            let elevated = async || {
                let one = granted("ssh/web:deploy");
                let append = step(&store, EventKind::Granted, &one).await;
                written(&store, append).await;
                one
            };
            let before = elevated().await;
            let refused = store
                .rotate(&to("rows", NOW), plain(EventKind::Rotated, id()))
                .await;
            assert!(refused.unwrap_err().hint.contains("asks again"));
            let lost = Rotation {
                compromised: true,
                ..to("rows", NOW)
            };
            assert_eq!(rotate(&store, lost).await, 2);
            assert_eq!(store.elevation(&before.request.id, NOW).await, Ok(None));
            let after = elevated().await;
            let listed = store.elevations_of(&alice(), NOW).await;
            assert_eq!(listed, Ok(vec![after]));
        }
    });
}

#[test]
fn a_certificate_authority_is_shown_before_it_signs() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            let old = store.signing_key("ca ssh/web", NOW).await.unwrap().public();
            let later = NOW.after(Duration::from_hours(24));
            let elsewhere = place.open().await;
            let shown = elsewhere.public_keys("ca ssh/web", NOW).await.unwrap();
            assert_eq!(shown, [old]);
            rotate(&store, to("ca ssh/web", later)).await;
            let shown = elsewhere.public_keys("ca ssh/web", NOW).await.unwrap();
            assert_eq!(
                shown.len(),
                2,
                "whoever trusts what a replica shows trusts both at once"
            );
            assert_eq!(
                store.signing_key("ca ssh/web", NOW).await.unwrap().public(),
                old
            );
            let shown = store.public_keys("ca ssh/web", NOW).await.unwrap();
            assert_eq!((shown.len(), shown[0]), (2, old));
            let new = store
                .signing_key("ca ssh/web", later)
                .await
                .unwrap()
                .public();
            assert_eq!(new, shown[1]);
            assert_eq!(
                store.public_keys("ca ssh/web", later).await.unwrap(),
                [new, old]
            );
            store
                .retire(later.after(Duration::from_hours(24)))
                .await
                .unwrap();
            let again = place.open().await;
            assert_eq!(
                again
                    .signing_key("ca ssh/web", later)
                    .await
                    .unwrap()
                    .public(),
                new
            );
            assert_eq!(
                again.signing_key("ca ssh/web", NOW).await.unwrap().public(),
                new
            );
        }
    });
}

#[test]
fn the_sealing_key_is_replaced_in_one_step_and_the_wrong_one_is_refused() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            let token = store.signing_key("token", NOW).await.unwrap().public();
            rotate(&store, to("token", NOW)).await;
            let new = store.signing_key("token", NOW).await.unwrap().public();
            let wrong = place
                .open_with(SealingKey::new([8; 32]))
                .await
                .err()
                .unwrap();
            assert!(wrong.message.contains("was sealed with"), "{wrong:?}");
            let event = plain(EventKind::Rotated, id());
            store.reseal(SealingKey::new([8; 32]), event).await.unwrap();
            assert!(place.open_with(SealingKey::new([7; 32])).await.is_err());
            let again = place.open_with(SealingKey::new([8; 32])).await.unwrap();
            assert_eq!(again.signing_key("token", NOW).await.unwrap().public(), new);
            assert_eq!(
                again.verifying_keys("token", None).await.unwrap(),
                [new, token]
            );
        }
    });
}

#[test]
fn of_many_that_come_first_one_says_which_key_seals() {
    let Some(server) = Postgres::start(Access::default()) else {
        return;
    };
    block_on(async {
        let url = server.owner_url();
        let place = Arc::new(Place::Postgres(server));
        drop(place.open().await);
        place.tamper("delete from sealing").await;
        let pool = PgPool::connect(&url).await.unwrap();
        let mut first = pool.begin().await.unwrap();
        let lock = "select pg_advisory_xact_lock(6973812)";
        sqlx::raw_sql(lock).execute(&mut *first).await.unwrap();
        sqlx::query("insert into sealing (fingerprint) values ($1)")
            .bind(SealingKey::new([7; 32]).fingerprint())
            .execute(&mut *first)
            .await
            .unwrap();
        let [same, other] = [7, 8].map(|key| {
            let place = Arc::clone(&place);
            tokio::spawn(async move { place.open_with(SealingKey::new([key; 32])).await.map(drop) })
        });
        until("both saw that nobody was there yet, and wait", || {
            let Place::Postgres(server) = &*place else {
                return None;
            };
            let waiting = "select count(*) from pg_locks where not granted";
            (server.psql_in("ledger", waiting).trim() == "2").then_some(())
        });
        first.commit().await.unwrap();
        assert_eq!(same.await.unwrap(), Ok(()));
        let refused = other.await.unwrap().unwrap_err();
        assert!(refused.message.contains("was sealed with"), "{refused:?}");
    });
}

/// Whoever can write to the database but has not the sealing key slips no key of theirs in.
#[test]
fn a_key_that_somebody_slipped_in_is_refused() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            let key = store.signing_key("token", NOW).await.unwrap();
            assert!(!hex(key.expose_seed()).is_empty());
            store.signing_key("session", NOW).await.unwrap();
            place
                .tamper("update keys set verifier = (select verifier from keys where purpose = 'session')")
                .await;
            let again = place.open().await;
            let failure = again.verifying_keys("token", None).await.unwrap_err();
            assert!(failure.message.contains("cannot be opened"), "{failure:?}");
        }
    });
}

#[test]
fn the_issuers_key_is_followed_by_one_of_its_kind_that_is_shown_before_it_signs() {
    block_on(async {
        for place in Place::both() {
            let store = place.open().await;
            let old = store.ec_public_keys("issuer", NOW).await.unwrap()[0];
            let signing = store.ec_key("issuer", NOW).await.unwrap();
            assert_eq!(signing.public(), old);
            let later = NOW.after(Duration::from_hours(1));
            rotate(&store, to("issuer", later)).await;
            let shown = store.ec_public_keys("issuer", NOW).await.unwrap();
            assert_eq!((shown.len(), shown[0]), (2, old));
            let signing = store.ec_key("issuer", later).await.unwrap();
            assert_eq!(signing.public(), shown[1]);
            assert!(
                store.signing_key("issuer", NOW).await.is_err(),
                "it is no Ed25519 key"
            );
            store.retire(later).await.unwrap();
            let again = place.open().await;
            let shown = again.ec_public_keys("issuer", later).await.unwrap();
            assert_eq!(shown, [signing.public(), old]);
        }
    });
}
