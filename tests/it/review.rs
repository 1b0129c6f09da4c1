//! What two that act at the same time must not do to each other.

use jit::{
    authority::{Authority, Client, request::Ask, token::prove},
    config::authority,
    domain::{
        elevation::State,
        environment::Environment,
        event::{EventFilter, Origin},
        key::PrivateKey,
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

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

async fn authority(directory: &TempDir, catalogue: &str) -> Authority {
    let file = directory.path().join("state/ledger.db");
    Authority {
        catalogue: authority::parse("authority.toml", catalogue).unwrap(),
        policies: Policies::parse(&[("all.cedar".to_owned(), POLICIES.to_owned())]).unwrap(),
        store: Store::open(&file, SealingKey::new([1; 32])).await.unwrap(),
        directory: directory.path().to_owned(),
        environment: Environment {
            variables: [("TOKEN".into(), "token".into())].into(),
            ..Environment::default()
        },
        clock: still,
        issuer_url: None,
        issuer_ca: None,
        approvers: false,
        lifecycles: jit::domain::lifecycle::Lifecycles::default(),
    }
}

fn alice(holder: &PrivateKey) -> Client {
    Client {
        caller: Caller::new(Principal::new(Class::Human, "alice").unwrap(), [].into()),
        origin: Origin::default(),
        holder: holder.public(),
        key: keys::generate().unwrap().public(),
        sessions: Vec::new(),
        proof: None,
        once: None,
        keeps_credential: false,
    }
}

fn routine(entitlement: &str) -> Ask {
    Ask {
        entitlement: entitlement.parse().unwrap(),
        justification: None,
        ttl: None,
        break_glass: false,
        verb: None,
        answerable: false,
    }
}

/// Whoever read the elevation before it was revoked wrote it back as granted.
#[test]
fn a_renewal_in_flight_does_not_undo_a_revocation() {
    block_on(async {
        let directory = TempDir::new().unwrap();
        let authority = authority(&directory, CATALOGUE).await;
        let holder = keys::generate().unwrap();
        let client = alice(&holder);
        let ask = routine("ssh/web:deploy");
        for delay in 0..20 {
            let outcome = authority.elevate(&client, &ask).await.unwrap();
            let answer = outcome.answer().unwrap();
            let id = &answer.grant.id;
            let proof = prove(&holder, id, &answer.token, still()).unwrap();
            let revoke = async {
                for _ in 0..delay {
                    tokio::task::yield_now().await;
                }
                authority.revoke(&client, id).await
            };
            let renew = authority.renew(&client, &answer.token, &proof);
            let (_, revoked) = tokio::join!(renew, revoke);
            revoked.unwrap();
            let kept = authority
                .store
                .elevation(id, still())
                .await
                .unwrap()
                .unwrap();
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

/// Each elevation begins a tidying, so a cluster that is gone for good would fill the ledger.
#[test]
fn a_target_that_cannot_be_tidied_is_recorded_once() {
    block_on(async {
        let directory = TempDir::new().unwrap();
        let gone = r#"
            [resources."kubernetes/gone"]
            server = "https://127.0.0.1:1"
            issuer = "token-request"
            credential = "env:TOKEN"
            roles.view = { service_account = "jit/view" }
        "#;
        let authority = authority(&directory, gone).await;
        let client = alice(&keys::generate().unwrap());
        let ask = routine("kubernetes/gone:view");
        authority.elevate(&client, &ask).await.unwrap_err();
        for _ in 0..3 {
            assert!(authority.has_leftovers().await.unwrap());
            assert_eq!(authority.tidy(&Origin::default()).await.unwrap(), 0);
        }
        let ledger = authority.store.ledger();
        let entries = ledger.list(&EventFilter::default()).await.unwrap();
        let kinds: Vec<_> = entries.iter().map(|e| e.event.kind.as_str()).collect();
        assert_eq!(kinds, ["granted", "issue-failed", "revoke-failed"]);
    });
}
