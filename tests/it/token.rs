//! The elevation token in the wrong hands: stolen, forged, replayed, outlived, revoked.

use std::sync::atomic::{AtomicI64, Ordering};

use jit::{
    authority::{
        Answer, Authority, Client,
        request::{Ask, Outcome},
        token::prove,
    },
    config::authority,
    domain::{
        credential::Token,
        environment::Environment,
        event::{EventFilter, Origin},
        failure::{Code, Failure},
        key::PrivateKey,
        principal::{Caller, Class, Principal},
        time::Timestamp,
    },
    platform::{clock, keys, seal::SealingKey},
    policy::set::Policies,
    store::Store,
};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

use crate::support::web::{CATALOGUE, POLICIES};

const START: i64 = 1_800_000_000;

/// A clock of its own for each test: they run at the same time.
macro_rules! clock {
    ($name:ident) => {
        static $name: AtomicI64 = AtomicI64::new(START);
    };
}

async fn authority(directory: &TempDir, policies: &str, clock: fn() -> Timestamp) -> Authority {
    let file = directory.path().join("state/ledger.db");
    Authority {
        catalogue: authority::parse("authority.toml", CATALOGUE).unwrap(),
        policies: Policies::parse(&[("all.cedar".to_owned(), policies.to_owned())]).unwrap(),
        store: Store::open(&file, SealingKey::new([1; 32])).await.unwrap(),
        directory: directory.path().to_owned(),
        environment: Environment::default(),
        clock,
        issuer_url: None,
        issuer_ca: None,
        approvers: false,
        lifecycles: jit::domain::lifecycle::Lifecycles::default(),
    }
}

fn client(name: &str, holder: &PrivateKey) -> Client {
    Client {
        caller: Caller::new(Principal::new(Class::Human, name).unwrap(), [].into()),
        origin: Origin::default(),
        holder: holder.public(),
        key: keys::generate().unwrap().public(),
        sessions: Vec::new(),
        proof: None,
        once: None,
        keeps_credential: false,
    }
}

fn deploy() -> Ask {
    Ask {
        entitlement: "ssh/web:deploy".parse().unwrap(),
        justification: None,
        ttl: None,
        break_glass: false,
        verb: None,
        answerable: false,
    }
}

/// What alice holds, and what is tried with it.
struct Held {
    authority: Authority,
    directory: TempDir,
    holder: PrivateKey,
    answer: Answer,
}

impl Held {
    async fn new(clock: fn() -> Timestamp) -> Self {
        let directory = TempDir::new().unwrap();
        let authority = authority(&directory, POLICIES, clock).await;
        let holder = keys::generate().unwrap();
        let answer = authority
            .elevate(&client("alice", &holder), &deploy())
            .await
            .and_then(Outcome::answer)
            .unwrap();
        Self {
            authority,
            directory,
            holder,
            answer,
        }
    }

    fn proof(&self) -> String {
        let now = (self.authority.clock)();
        prove(&self.holder, &self.answer.grant.id, &self.answer.token, now).unwrap()
    }

    async fn refused(&self, who: &str, token: &Token, proof: &str, why: &str) {
        let client = client(who, &self.holder);
        let failure = self
            .authority
            .renew(&client, token, proof)
            .await
            .unwrap_err();
        assert_eq!(failure.code, Code::Denied, "{failure:?}");
        assert!(failure.message.contains(why), "{failure:?}, not {why}");
    }
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

fn still() -> Timestamp {
    Timestamp::from_secs(START)
}

#[test]
fn whoever_holds_the_key_renews() {
    block_on(async {
        let held = Held::new(still).await;
        let alice = client("alice", &held.holder);
        let renewed = held
            .authority
            .renew(&alice, &held.answer.token, &held.proof())
            .await
            .unwrap();
        assert_ne!(renewed.serial, held.answer.credential.serial);
        let events = held
            .authority
            .store
            .ledger()
            .list(&EventFilter::default())
            .await
            .unwrap();
        let kinds: Vec<_> = events
            .iter()
            .map(|entry| entry.event.kind.as_str())
            .collect();
        assert_eq!(kinds, ["granted", "issued", "issued"]);
    });
}

#[test]
fn a_stolen_token_is_useless_without_its_key() {
    block_on(async {
        let held = Held::new(still).await;
        let thief = keys::generate().unwrap();
        let Answer { grant, token, .. } = &held.answer;
        let proof = prove(&thief, &grant.id, token, still()).unwrap();
        held.refused("alice", token, &proof, "bound to another key")
            .await;
        held.refused("alice", token, "", "proof of possession is not one")
            .await;
        held.refused(
            "alice",
            token,
            token.0.expose_secret(),
            "proof of possession is not one",
        )
        .await;
        held.refused("mallory", token, &held.proof(), "there is no grant")
            .await;
    });
}

#[test]
fn a_proof_serves_one_grant_one_token_and_a_minute() {
    block_on(async {
        let held = Held::new(still).await;
        let other = Held::new(still).await;
        let Answer { grant, token, .. } = &held.answer;
        let of_other = prove(&held.holder, &other.answer.grant.id, token, still()).unwrap();
        held.refused("alice", token, &of_other, "for something else")
            .await;
        let of_token = prove(&held.holder, &grant.id, &other.answer.token, still()).unwrap();
        held.refused("alice", token, &of_token, "for something else")
            .await;
        let old = prove(
            &held.holder,
            &grant.id,
            token,
            Timestamp::from_secs(START - 120),
        )
        .unwrap();
        held.refused("alice", token, &old, "too old").await;
        held.refused(
            "alice",
            &other.answer.token,
            &held.proof(),
            "not signed by this authority",
        )
        .await;
    });
}

#[test]
fn a_forged_token_is_refused() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    block_on(async {
        let held = Held::new(still).await;
        let text = held.answer.token.0.expose_secret().to_owned();
        let mut parts = text.split('.');
        let (header, claims, signature) = (
            parts.next().unwrap(),
            parts.next().unwrap(),
            parts.next().unwrap(),
        );
        let none = BASE64.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let hmac = BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let longer = String::from_utf8(BASE64.decode(claims).unwrap())
            .unwrap()
            .replace("ssh/web:deploy", "ssh/web:root");
        let longer = BASE64.encode(longer);
        let huge = "A".repeat(1 << 20);
        let forged = [
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{hmac}.{claims}.{signature}"),
            format!("{header}.{longer}.{signature}"),
            format!("{header}.{claims}.{}", BASE64.encode([0; 64])),
            format!("{header}.{huge}.{signature}"),
            String::new(),
            "..".to_owned(),
        ];
        for text in forged {
            let token = Token(SecretString::from(text));
            let proof = prove(&held.holder, &held.answer.grant.id, &token, still()).unwrap();
            held.refused("alice", &token, &proof, "not signed by this authority")
                .await;
        }
    });
}

#[test]
fn a_grant_that_is_over_gives_nothing_more() {
    clock!(HOUR);
    fn hour() -> Timestamp {
        Timestamp::from_secs(HOUR.load(Ordering::Relaxed))
    }
    block_on(async {
        let held = Held::new(hour).await;
        HOUR.fetch_add(3601, Ordering::Relaxed);
        held.refused(
            "alice",
            &held.answer.token,
            &held.proof(),
            "its grant has ended",
        )
        .await;
    });
}

#[test]
fn a_revocation_and_a_change_of_policy_bite_at_the_next_renewal() {
    block_on(async {
        let mut held = Held::new(still).await;
        let none = "@id(\"nothing\") forbid (principal, action, resource);";
        held.authority.policies =
            Policies::parse(&[("all.cedar".to_owned(), none.to_owned())]).unwrap();
        held.refused("alice", &held.answer.token, &held.proof(), "alice")
            .await;
        held.authority.policies =
            Policies::parse(&[("all.cedar".to_owned(), POLICIES.to_owned())]).unwrap();
        let alice = client("alice", &held.holder);
        let mallory = client("mallory", &held.holder);
        let id = &held.answer.grant.id;
        let stranger: Failure = held.authority.revoke(&mallory, id).await.unwrap_err();
        assert!(
            stranger.message.starts_with("there is no grant"),
            "{stranger:?}"
        );
        held.authority.revoke(&alice, id).await.unwrap();
        held.authority.revoke(&alice, id).await.unwrap();
        held.refused("alice", &held.answer.token, &held.proof(), "is revoked")
            .await;
    });
}

#[test]
fn nothing_secret_is_readable_in_a_stolen_database() {
    block_on(async {
        let held = Held::new(still).await;
        let directory = held.directory.path().join("state");
        let seeds = [
            held.authority
                .store
                .signing_key("token", clock::now())
                .await
                .unwrap(),
            held.authority
                .store
                .signing_key("ca ssh/web", clock::now())
                .await
                .unwrap(),
        ];
        for file in directory.read_dir().unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            for seed in &seeds {
                let seed = seed.expose_seed();
                let text = keys::hex(seed);
                assert!(!bytes.windows(32).any(|window| window == seed));
                assert!(!bytes.windows(64).any(|window| window == text.as_bytes()));
            }
            let token = held.answer.token.0.expose_secret().as_bytes();
            assert!(!bytes.windows(token.len()).any(|window| window == token));
        }
    });
}
