//! What is asked twice at the same time, with one key and at two replicas, is done once.

use std::{process::Command, thread};

use jit::{
    domain::event::{EventFilter, EventKind},
    platform::keys,
    store::database::Statement,
};
use serde_json::{Value, json};

use super::member::POLICIES;
use crate::support::{
    Access, Home, Postgres, Replicas,
    http::Answer,
    postgres::OWNER,
    run,
    serve::{Guest, Keys},
    until,
    web::CATALOGUE,
};

/// Holds the lock of whoever writes the ledger until two wait for it, so that both are past whatever
/// they looked at before.
const HELD: &str = "do $$ begin perform pg_advisory_xact_lock(6973812); \
    while (select count(*) from pg_locks where locktype = 'advisory' and not granted) < 2 \
    loop perform pg_sleep(0.01); end loop; end $$";

struct Scene {
    // Before the database, which ends after them.
    replicas: Replicas,
    postgres: Postgres,
    _files: Home,
}

impl Scene {
    fn start() -> Option<Self> {
        let postgres = Postgres::start(Access {
            hba: "hostssl all all 127.0.0.1/32 scram-sha-256",
            ..Access::default()
        })?;
        postgres.psql("create role orders_ro");
        let files = Home::new();
        let manager = files.write("manager.url", &postgres.superuser_url("postgres"));
        let catalogue = format!(
            "{CATALOGUE}\n[resources.\"postgres/orders\"]\nhosts = [\"127.0.0.1:{}\"]\n\
             issuer = \"dynamic-role\"\ncredential = \"file:{}\"\ncertificate_authority = \"{}\"\n\
             roles.read.role = \"orders_ro\"\n",
            postgres.port(),
            manager.display(),
            postgres.ca().display(),
        );
        let replicas = Replicas::start(2, &postgres.owner_url(), (&catalogue, POLICIES), "");
        Some(Self {
            replicas,
            postgres,
            _files: files,
        })
    }

    fn post(&self, replica: usize, guest: &Guest, path: &str, body: &Value) -> Answer {
        let own = guest.headers("POST", path);
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let more = [
            ("content-type", "application/json"),
            ("idempotency-key", "4711"),
        ];
        let headers: Vec<(&str, &str)> = own.chain(more).collect();
        let site = self.replicas.site(replica);
        let sent = site.send("POST", path, &headers, body.to_string().as_bytes());
        sent.unwrap()
    }

    /// The one answer of both replicas.
    #[track_caller]
    fn at_both(&self, guest: &Guest, path: &str, body: &Value) -> Value {
        let [one, other] = thread::scope(|scope| {
            let at = |replica| scope.spawn(move || self.post(replica, guest, path, body));
            [at(0), at(1)].map(|asked| asked.join().unwrap())
        });
        assert_eq!(one.status, 200, "{}", one.text());
        assert_eq!(other.status, 200, "{}", other.text());
        assert_eq!(one.json(), other.json());
        one.json()
    }

    /// The same where both come to the commit before either is through it.
    #[track_caller]
    fn at_once(&self, guest: &Guest, path: &str, body: &Value) -> Value {
        thread::scope(|scope| {
            scope.spawn(|| self.postgres.psql_in(OWNER, HELD));
            until("the lock is held", || {
                let held = "select 1 from pg_locks where locktype = 'advisory' and granted";
                (!self.postgres.psql(held).is_empty()).then_some(())
            });
            self.at_both(guest, path, body)
        })
    }

    /// Whether its target lets in who shows what was answered.
    fn lets_in(&self, answer: &Value) -> bool {
        let role = &answer["credential"]["secret"]["postgres_role"];
        let [name, password] = ["role", "password"].map(|part| role[part].as_str().unwrap());
        let mut psql = Command::new("psql");
        let at = format!(
            "host=127.0.0.1 port={} dbname=postgres user={name}",
            self.postgres.port()
        );
        psql.env("PGPASSWORD", password)
            .args(["-Xc", "select 1", &at]);
        run(&mut psql).code == 0
    }

    fn recorded(&self, kind: EventKind) -> usize {
        self.replicas.with_store(async |store| {
            let events = store.ledger().list(&EventFilter::default()).await.unwrap();
            events
                .iter()
                .filter(|entry| entry.event.kind == kind)
                .count()
        })
    }

    /// As processes leave it that end before they answer.
    fn lose_answers(&self) {
        self.replicas.with_store(async |store| {
            let lost = Statement::new("update answers set answer = ''", []);
            store.write(&lost).await.unwrap();
        });
    }
}

#[test]
fn one_session_is_handed_on_and_one_credential_is_renewed() {
    let Some(scene) = Scene::start() else { return };
    let alice = scene.replicas.let_in("alice");
    let holder = keys::generate().unwrap();
    let agent =
        json!({"to": "helper", "only": ["ssh/web:deploy"], "ttl": 600, "holder": holder.public()});
    let begun = scene.at_once(&alice, "/v1/delegations", &agent);
    assert!(begun["token"].is_string(), "{begun}");
    assert_eq!(scene.recorded(EventKind::Delegated), 1);
    // It stays so for whoever lost it, and is nobody's who asks for something else.
    let again = scene.post(1, &alice, "/v1/delegations", &agent);
    assert_eq!(again.json(), begun);
    let mut other = agent;
    other["ttl"] = 60.into();
    assert_eq!(scene.post(0, &alice, "/v1/delegations", &other).status, 422);

    let bob = scene.replicas.let_in("bob");
    let lease = Keys::new();
    let first = bob.ask("ssh/web:deploy", &lease).json();
    let path = format!(
        "/v1/elevations/{}/credential",
        first["id"].as_str().unwrap()
    );
    let renewal = lease.renewal(&first);
    let renewed = scene.at_once(&bob, &path, &renewal);
    assert_ne!(renewed["credential"], first["credential"]);
    assert_eq!(scene.recorded(EventKind::Issued), 2);
    let again = scene.post(0, &bob, &path, &renewal);
    assert_eq!(again.json()["credential"], renewed["credential"]);
    assert_eq!(scene.recorded(EventKind::Issued), 2);
    // What rests of it is sealed.
    let rests = scene.postgres.psql_in(OWNER, "select * from answers");
    let token = begun["token"].as_str().unwrap();
    let certificate = renewed["credential"]["serial"].as_str().unwrap();
    assert!(
        !rests.contains(token) && !rests.contains(certificate),
        "{rests}"
    );
    // A key whose answer is gone is stuck for nobody.
    scene.lose_answers();
    let anew = scene.at_both(&bob, &path, &renewal);
    assert_ne!(anew["credential"], renewed["credential"]);
    assert_eq!(scene.recorded(EventKind::Issued), 3);
}

#[test]
fn one_yes_is_said_one_claim_made_and_one_end() {
    let Some(scene) = Scene::start() else { return };
    let alice = scene.replicas.let_in("alice");
    let bob = scene.replicas.replica(0).let_in("bob", &["approvers"]);
    let lease = Keys::new();
    let mut root = lease.request("ssh/web:root");
    root["justification"] = "a fire".into();
    let asked = alice.post("/v1/elevations", &root).json();
    let of = |what: &str| format!("/v1/elevations/{}/{what}", asked["id"].as_str().unwrap());
    let said = scene.at_once(&bob, &of("approval"), &json!({"answer": "approve"}));
    assert_eq!(said["state"], "granted", "{said}");
    assert_eq!(scene.recorded(EventKind::Approved), 1);
    let claimed = scene.at_once(&alice, &of("credential"), &lease.body());
    assert!(claimed["credential"].is_object(), "{claimed}");
    assert_eq!(scene.recorded(EventKind::Issued), 1);
    let ended = scene.at_once(&alice, &of("revocation"), &json!({}));
    assert_eq!(scene.at_both(&alice, &of("revocation"), &json!({})), ended);
    assert_eq!(scene.recorded(EventKind::Revoked), 1);
    let asked = alice.post("/v1/elevations", &root).json();
    let path = format!(
        "/v1/elevations/{}/revocation",
        asked["id"].as_str().unwrap()
    );
    let given_up = scene.at_once(&alice, &path, &json!({}));
    assert_eq!(given_up["outcome"], "abandoned");
    assert_eq!(scene.at_both(&alice, &path, &json!({})), given_up);
    assert_eq!(scene.recorded(EventKind::Abandoned), 1);
}

/// Whoever asks for an elevation that was approved meanwhile claims it, and may lose that answer too.
#[test]
fn what_was_approved_meanwhile_is_claimed_by_the_same_request_and_told_again() {
    let Some(scene) = Scene::start() else { return };
    let alice = scene.replicas.let_in("alice");
    let bob = scene.replicas.replica(0).let_in("bob", &["approvers"]);
    let mut root = Keys::new().request("ssh/web:root");
    root["justification"] = "a fire".into();
    let asked = alice.post("/v1/elevations", &root).json();
    let path = format!("/v1/elevations/{}/approval", asked["id"].as_str().unwrap());
    assert_eq!(bob.post(&path, &json!({"answer": "approve"})).status, 200);
    let claimed = scene.at_once(&alice, "/v1/elevations", &root);
    assert_eq!(claimed["id"], asked["id"]);
    assert_eq!(
        scene.post(1, &alice, "/v1/elevations", &root).json(),
        claimed
    );
    assert_eq!(scene.recorded(EventKind::Issued), 1);
    assert_eq!(scene.recorded(EventKind::Requested), 1);
}

/// A role has one password: of two that are made at once, the later one would spoil the other.
#[test]
fn what_is_changed_at_its_target_is_changed_by_one_of_them() {
    let Some(scene) = Scene::start() else { return };
    let alice = scene.replicas.let_in("alice");
    let lease = Keys::new();
    let first = alice.ask("postgres/orders:read", &lease).json();
    let path = format!(
        "/v1/elevations/{}/credential",
        first["id"].as_str().unwrap()
    );
    let renewal = lease.renewal(&first);
    let renewed = scene.at_both(&alice, &path, &renewal);
    assert!(scene.lets_in(&renewed) && !scene.lets_in(&first));
    assert_eq!(scene.recorded(EventKind::Issued), 2);
    scene.lose_answers();
    let anew = scene.post(1, &alice, &path, &renewal);
    assert_eq!(anew.status, 200, "{}", anew.text());
    assert!(scene.lets_in(&anew.json()) && !scene.lets_in(&renewed));
    // What its target says no to may be asked again under the same key.
    let member = format!("orders_ro from \"jit_{}\"", first["id"].as_str().unwrap());
    scene.postgres.psql(&format!("revoke {member}"));
    scene.lose_answers();
    let refused = scene.post(0, &alice, &path, &renewal);
    assert_ne!(refused.status, 200, "{}", refused.text());
    scene
        .postgres
        .psql(&format!("grant {}", member.replace("from", "to")));
    let last = scene.at_both(&alice, &path, &renewal);
    assert!(scene.lets_in(&last));
}
