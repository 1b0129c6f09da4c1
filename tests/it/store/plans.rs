//! How PostgreSQL finds rows: by their keys, also where a table was empty when the statement was planned.

use std::{slice, time::Duration};

use jit::{
    domain::{event::EventKind, once::Once},
    store::{
        ledger::{Actor, Append},
        sessions::{self, goes_on},
        spent, steps,
    },
};

use super::{NOW, Place, block_on, event, granted, plain, session, written};
use crate::support::{Access, Postgres, until};

const SCANS: &str = "select relname || ' ' || seq_scan from pg_stat_user_tables \
     where relname in ('sessions', 'elevations', 'events', 'spent', 'principals') and seq_scan > 0";

#[test]
fn no_table_is_walked_through_for_an_elevation() {
    let Some(server) = Postgres::start(Access::default()) else {
        return;
    };
    block_on(async {
        let place = Place::Postgres(server);
        let Place::Postgres(server) = &place else {
            return;
        };
        // Known to be empty, each of them would be walked through with the least effort.
        place.open().await.close().await;
        drop(server.psql_in("ledger", "vacuum analyze"));
        drop(server.psql_in("ledger", "select pg_stat_reset()"));
        let store = place.open().await;
        let voucher = store.voucher(NOW).await.unwrap();
        let session = session(None);
        let begin = Append::new(
            plain(EventKind::SignedIn, session.id.clone()),
            Actor::Authority,
        )
        .with(sessions::begin(&session, &voucher).unwrap());
        written(&store, begin).await;
        for number in 0..20 {
            let line = store.line(&session.id, NOW).await.unwrap();
            assert_eq!(line, slice::from_ref(&session));
            let proof = Once {
                id: format!("proof {number}"),
                until: NOW.after(Duration::from_mins(1)),
            };
            let one = granted("ssh/web:deploy");
            let append = Append::new(event(EventKind::Granted, &one), Actor::Authority)
                .leaving(&one, &voucher)
                .unwrap()
                .with(spent::spend(&proof))
                .only_if(spent::is_new(&proof))
                .only_if(goes_on(&session.id));
            written(&store, append).await;
            let issued = Append::new(event(EventKind::Issued, &one), Actor::Authority);
            let issued = issued.only_if(steps::is_unrevoked(&one));
            written(&store, issued).await;
        }
        store.close().await;
        let seen = "select seq_scan + idx_scan from pg_stat_user_tables where relname = 'sessions'";
        until("what was counted", || {
            let scans: u32 = server.psql_in("ledger", seen).trim().parse().ok()?;
            (scans >= 40).then_some(())
        });
        assert_eq!(server.psql_in("ledger", SCANS).trim(), "");
    });
}
