//! What two that act at the same time must not do to each other.

use jit::{
    authority::{Authority, Client, elevate::Ask, token::prove},
    config::authority,
    domain::{
        elevation::State,
        environment::Environment,
        event::Origin,
        principal::{Caller, Class, Principal},
        time::Timestamp,
    },
    platform::{keys, seal::SealingKey},
    policy::set::Policies,
    store::Store,
};
use tempfile::TempDir;

use crate::support::{
    home::run,
    web::{CATALOGUE, POLICIES, ask, web},
};

fn still() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

async fn authority(directory: &TempDir) -> Authority {
    let file = directory.path().join("state/ledger.db");
    Authority {
        catalogue: authority::parse("authority.toml", CATALOGUE).unwrap(),
        policies: Policies::parse(&[("all.cedar".to_owned(), POLICIES.to_owned())]).unwrap(),
        store: Store::open(&file, SealingKey::new([1; 32])).await.unwrap(),
        directory: directory.path().to_owned(),
        environment: Environment::default(),
        clock: still,
    }
}

/// Whoever read the elevation before it was revoked wrote it back as granted.
#[test]
fn a_renewal_in_flight_does_not_undo_a_revocation() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let directory = TempDir::new().unwrap();
        let authority = authority(&directory).await;
        let alice = Principal::new(Class::Human, "alice").unwrap();
        let holder = keys::generate().unwrap();
        let client = Client {
            caller: Caller {
                principal: alice.clone(),
                groups: [].into(),
            },
            origin: Origin::default(),
            holder: holder.public(),
            key: keys::generate().unwrap().public(),
        };
        let ask = Ask {
            entitlement: "ssh/web:deploy".parse().unwrap(),
            justification: None,
            ttl: None,
            break_glass: false,
            verb: None,
        };
        for delay in 0..20 {
            let answer = authority.elevate(&client, &ask).await.unwrap();
            let id = &answer.grant.id;
            let proof = prove(&holder, id, &answer.token, still()).unwrap();
            let revoke = async {
                for _ in 0..delay {
                    tokio::task::yield_now().await;
                }
                authority.revoke(&alice, id, &Origin::default()).await
            };
            let renew = authority.renew(&client, &answer.token, &proof);
            let (_, revoked) = tokio::join!(renew, revoke);
            revoked.unwrap();
            let kept = authority.store.elevation(id).await.unwrap().unwrap();
            assert_eq!(kept.state(still()), State::Revoked, "after {delay}");
        }
    });
}

/// Ending access, and looking at who had it, must not depend on what decides about new access.
#[test]
fn broken_policies_keep_nobody_from_revoking_and_auditing() {
    let home = web();
    assert_eq!(ask(&home).code, 0);
    home.configure("policies/all.cedar", "permit (");
    let revoked = run(&mut home.jit(["revoke", "--all"]));
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_eq!(ask(&home).code, 125, "and nothing is granted");
    home.configure("authority.toml", "[resources");
    let verified = run(&mut home.jit(["audit", "verify"]));
    assert_eq!(verified.code, 0, "{verified:?}");
    let listed = run(&mut home.jit(["audit"]));
    assert!(listed.stdout.contains("revoked"), "{listed:?}");
}

#[test]
fn a_plugin_asks_for_nothing_of_another_kind() {
    let home = web();
    for verb in ["credential-process", "exec-credential"] {
        let ran = run(&mut home.jit([verb, "ssh/web:deploy"]));
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    assert_eq!(run(&mut home.jit(["audit"])).stdout, "");
}
