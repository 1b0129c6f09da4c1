//! Many grants in a server's ledger, written past it as another replica does.

use std::time::Duration;

use jit::{
    authority::Authority,
    domain::{
        decision::{Obligations, Verdict},
        elevation::{Elevation, Request},
        event::{Event, EventKind, Origin},
        id::GrantId,
        principal::Principal,
    },
    platform::{clock, keys},
    store::{
        Store,
        ledger::{Actor, Append, Appended},
        vouched::Voucher,
    },
};

use crate::support::{Serve, serve::with_authority};

/// As many are written at the same time.
const WRITERS: usize = 256;

/// Adds so many live grants, each with its two events.
pub(crate) fn fill(serve: &Serve, grants: usize) {
    with_authority(&serve.path(""), async |authority: &Authority| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let share = grants / WRITERS + usize::from(writer < grants % WRITERS);
                tokio::spawn(write(authority.store.clone(), share))
            })
            .collect();
        for writer in writers {
            writer.await.expect("a writer");
        }
    });
}

async fn write(store: Store, count: usize) {
    for number in 0..count {
        let voucher = store.voucher(clock::now()).await.expect("a voucher");
        for append in granted(number, &voucher) {
            let outcome = store.ledger().append(append).await;
            assert_eq!(outcome, Ok(Appended::Written));
        }
    }
}

/// What a routine elevation of one of a hundred people leaves behind.
fn granted(number: usize, voucher: &Voucher) -> [Append; 2] {
    let now = clock::now();
    let mut elevation = Elevation::ask(Request {
        id: GrantId::new(now, keys::random().expect("chance")),
        principal: Principal::parse(&format!("client-{}", number % 100)).expect("a principal"),
        entitlement: "ssh/web:deploy".parse().expect("an entitlement"),
        justification: None,
        ttl: Some(Duration::from_hours(8)),
        break_glass: false,
        verb: None,
        session: None,
        chain: Vec::new(),
        enrolled_by: None,
        address: None,
        asked_at: now,
    });
    let obligations = Obligations {
        ttl: Some(Duration::from_hours(8)),
        ..Obligations::default()
    };
    let policies = vec!["routine".to_owned()];
    elevation
        .grant(policies.clone(), obligations, now)
        .expect("a grant");
    [EventKind::Granted, EventKind::Issued].map(|kind| {
        let request = &elevation.request;
        let event = Event {
            entitlement: Some(request.entitlement.clone()),
            verdict: Some(Verdict::Allow),
            policies: policies.clone(),
            credential: Some("1234567890123456789".to_owned()),
            expires_at: elevation.live(now).map(|grant| grant.expires_at),
            ..Event::new(
                kind,
                now,
                request.id.clone(),
                request.principal.clone(),
                Origin::default(),
            )
        };
        Append::new(event, Actor::Authority)
            .leaving(&elevation, voucher)
            .expect("an elevation")
    })
}
