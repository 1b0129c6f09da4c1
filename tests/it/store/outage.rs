//! PostgreSQL that stops, comes back, and hands over to a standby: nothing that was confirmed is lost, and
//! nothing hangs.

use std::collections::BTreeSet;

use jit::{
    domain::{
        event::{EventFilter, EventKind},
        failure::Nature,
        id::GrantId,
    },
    platform::seal::SealingKey,
    store::{
        Store,
        ledger::{Actor, Append, Appended, Verification},
    },
};
use secrecy::SecretString;

use super::{NOW, block_on, event, granted, step};
use crate::support::{Access, Failover, Postgres, postgres::Durability};

async fn connect(url: String) -> Store {
    Store::connect(&SecretString::from(url), SealingKey::new([7; 32]))
        .await
        .unwrap()
}

/// Appends until one is confirmed; what failed on the way failed as it should.
pub(super) async fn confirmed(store: &Store) -> GrantId {
    for _ in 0..20 {
        let one = granted("ssh/web:deploy");
        let written = async {
            let voucher = store.voucher(NOW).await?;
            let append = Append::new(event(EventKind::Granted, &one), Actor::Authority);
            store.ledger().append(append.leaving(&one, &voucher)?).await
        };
        match written.await {
            Ok(outcome) => {
                assert_eq!(outcome, Appended::Written);
                return one.request.id;
            }
            Err(failure) => assert_eq!(failure.nature, Nature::Away, "{failure:?}"),
        }
    }
    panic!("it does not come back")
}

async fn whole(store: &Store, confirmed: &[GrantId]) {
    let Verification::Whole { .. } = store.ledger().verify().await.unwrap() else {
        panic!("one chain")
    };
    let written = store.ledger().list(&EventFilter::default()).await.unwrap();
    let written: BTreeSet<_> = written.into_iter().map(|entry| entry.event.grant).collect();
    assert!(confirmed.iter().all(|id| written.contains(id)));
}

#[test]
fn a_server_that_restarts_is_away_for_a_moment_only() {
    let Some(mut server) = Postgres::start_as(Access::default(), Durability::Disk) else {
        return;
    };
    block_on(async {
        let store = connect(server.owner_url()).await;
        let mut ids = vec![confirmed(&store).await];
        server.stop();
        server.start_again();
        // Idle connections died with it: what had not begun is done over another one.
        whole(&store, &ids).await;
        ids.push(confirmed(&store).await);
        let away = step(&store, EventKind::Granted, &granted("ssh/web:deploy")).await;
        server.crash();
        let failure = store.ledger().append(away).await.unwrap_err();
        assert_eq!(failure.nature, Nature::Away, "{failure:?}");
        server.start_again();
        ids.push(confirmed(&store).await);
        whole(&store, &ids).await;
    });
}

#[test]
fn a_failover_is_followed_and_a_standby_is_not_written_to() {
    let Some(mut pair) = Failover::start() else {
        return;
    };
    block_on(async {
        let store = connect(pair.url()).await;
        let mut ids = vec![confirmed(&store).await];
        pair.fail_over();
        pair.primary()
            .psql("alter system set synchronous_standby_names = ''");
        pair.primary().psql("select pg_reload_conf()");
        ids.push(confirmed(&store).await);
        whole(&store, &ids).await;

        // One that takes no more writes answers so (25006): its connections are not used again.
        pair.primary()
            .psql("alter database ledger set default_transaction_read_only = on");
        pair.primary().psql(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'ledger'",
        );
        let append = step(&store, EventKind::Granted, &granted("ssh/web:deploy")).await;
        let failure = store.ledger().append(append).await.unwrap_err();
        assert_eq!(failure.nature, Nature::Away, "{failure:?}");
        pair.primary()
            .psql("alter database ledger reset default_transaction_read_only");
        ids.push(confirmed(&store).await);
        whole(&store, &ids).await;
    });
}

#[test]
fn a_lock_that_nobody_lets_go_of_is_not_waited_for_for_ever() {
    let Some(server) = Postgres::start(Access::default()) else {
        return;
    };
    block_on(async {
        let store = connect(server.owner_url()).await;
        let id = confirmed(&store).await;
        let holder = sqlx::PgPool::connect(&server.owner_url()).await.unwrap();
        let mut held = holder.begin().await.unwrap();
        sqlx::raw_sql("select pg_advisory_xact_lock(6973812)")
            .execute(&mut *held)
            .await
            .unwrap();
        let append = step(&store, EventKind::Granted, &granted("ssh/web:deploy")).await;
        let failure = store.ledger().append(append).await.unwrap_err();
        assert_eq!(failure.nature, Nature::Away, "{failure:?}");
        held.rollback().await.unwrap();
        let ids = [id, confirmed(&store).await];
        whole(&store, &ids).await;
    });
}
