//! PostgreSQL as people run it: several hosts in one URL, and `PgBouncer` in between.

use std::collections::BTreeSet;

use jit::{
    domain::{
        event::{EventFilter, EventKind},
        failure::Result,
    },
    platform::seal::SealingKey,
    store::{Store, ledger::Verification},
};
use secrecy::SecretString;

use super::{block_on, granted, outage::confirmed, step, written};
use crate::support::{
    Access, Failover, Home, Postgres, Serve,
    pgbouncer::PgBouncer,
    run,
    serve::{Keys, with_authority},
    web::{CATALOGUE, POLICIES},
};

async fn connect(url: &str) -> Result<Store> {
    Store::connect(&SecretString::from(url), SealingKey::new([7; 32])).await
}

#[test]
fn of_several_hosts_the_one_that_takes_writes_is_used_also_after_a_failover() {
    let Some(mut pair) = Failover::start() else {
        return;
    };
    let url = pair.url_of_both("read-write");
    block_on(async {
        let store = connect(&url).await.unwrap();
        let mut ids = vec![confirmed(&store).await];
        pair.fail_over();
        pair.primary()
            .psql("alter system set synchronous_standby_names = ''");
        pair.primary().psql("select pg_reload_conf()");
        ids.push(confirmed(&store).await);
        let verified = store.ledger().verify().await.unwrap();
        assert!(matches!(verified, Verification::Whole { .. }));
        let written = store.ledger().list(&EventFilter::default()).await.unwrap();
        let written: BTreeSet<_> = written.into_iter().map(|entry| entry.event.grant).collect();
        assert!(ids.iter().all(|id| written.contains(id)));
        // The first host is the one that is lost.
        let again = connect(&url).await.unwrap();
        confirmed(&again).await;
        let refused = connect(&pair.url_of_both("standby")).await.err().unwrap();
        assert!(refused.message.contains("takes writes"), "{refused:?}");
    });
}

#[test]
fn a_password_whose_signs_are_not_encoded_is_told_so_and_never_shown() {
    for (password, wrong) in [("hun#ter2", "`#`"), ("hun@ter2", "`@`")] {
        let home = Home::new();
        home.write(
            "server/database.url",
            &format!("postgres://jit:{password}@127.0.0.1:1/jit"),
        );
        home.write("server/server.toml", "database = \"file:database.url\"\n");
        let mut command = home.jit(["serve", "--config"]);
        let ran = run(command.arg(home.path("server")));
        assert_eq!(ran.code, 125, "{ran:?}");
        assert!(
            ran.stderr.contains(wrong) && ran.stderr.contains("%23"),
            "{ran:?}"
        );
        assert!(!ran.stderr.contains("ter2"), "{ran:?}");
    }
}

#[test]
fn two_servers_work_behind_pgbouncer_in_transaction_mode() {
    let Some(database) = Postgres::start(Access::default()) else {
        return;
    };
    let Some(bouncer) = PgBouncer::start(&database) else {
        return;
    };
    let url = bouncer.owner_url();
    let replicas = [(); 2].map(|()| Serve::start_on(&url, CATALOGUE, POLICIES));
    let guest = replicas[0].let_in("alice", &[]);
    for round in 0..20 {
        let here = replicas[round % 2].greet(&guest);
        let asked = here.ask("ssh/web:deploy", &Keys::new());
        assert_eq!(asked.status, 200, "{asked:?}");
    }
    let verified = with_authority(&replicas[0].path(""), async |authority| {
        let store = &authority.store;
        for _ in 0..20 {
            let one = step(store, EventKind::Granted, &granted("ssh/web:deploy")).await;
            written(store, one).await;
        }
        store.ledger().verify().await.unwrap()
    });
    assert!(
        matches!(verified, Verification::Whole { .. }),
        "{verified:?}"
    );
    // Nothing of ours stays behind on the server's own connections.
    let left = "select count(*) from pg_prepared_statements";
    assert_eq!(database.psql_in("ledger", left).trim(), "0");
    for replica in &replicas {
        assert_eq!(replica.site().get("/readyz").status, 200);
    }
}

#[test]
fn a_database_whose_pinned_certificate_is_self_signed_holds_the_ledger() {
    let (Some(mut database), Some(other)) =
        (Postgres::start_self_signed(), Postgres::start_self_signed())
    else {
        return;
    };
    block_on(async {
        let store = connect(&database.owner_url()).await.unwrap();
        confirmed(&store).await;
        // Connections are made anew after a restart, also where sqlx cannot verify them.
        database.stop();
        database.start_again();
        confirmed(&store).await;
        let verified = store.ledger().verify().await.unwrap();
        assert!(matches!(verified, Verification::Whole { .. }));
        let ca = |of: &Postgres| of.ca().display().to_string();
        let url = database.owner_url().replace(&ca(&database), &ca(&other));
        let refused = connect(&url).await.err().unwrap();
        assert!(refused.to_string().contains("certificate"), "{refused}");
    });
}
