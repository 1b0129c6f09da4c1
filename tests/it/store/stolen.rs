//! A stolen database: whatever was handed out or made, nothing of it can be read there.

use std::{fs, path::PathBuf, process::Command};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use jit::{
    domain::key::PrivateKey,
    platform::{clock, keys},
};
use rustix::process::Signal;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::support::{
    Access, Postgres, run,
    serve::{Guest, Keys, Serve, with_authority},
    web::POLICIES,
};

const CATALOGUE: &str = r#"
[resources."ssh/web"]
hosts = ["web.example.com"]
roles.deploy = {}

[resources."postgres/orders"]
hosts = ["db.internal:5432"]
databases = ["orders"]
issuer = "certificate"
roles.read = { role = "orders_ro" }
"#;

/// Everything that must not be found, each with what it is.
#[derive(Default)]
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    fn add(&mut self, what: &str, bytes: &[u8]) {
        assert!(
            bytes.len() >= 16,
            "{what} is too short to be told from others"
        );
        self.0.push((what.to_owned(), bytes.to_vec()));
    }

    /// A key in every form that it may be written in.
    fn add_key(&mut self, what: &str, key: &PrivateKey) {
        let seed = key.expose_seed();
        self.add(what, seed);
        self.add_text(what, seed);
        let document = keys::to_pkcs8(key).unwrap();
        self.add(what, &document);
        self.add_text(what, &document);
    }

    fn add_text(&mut self, what: &str, bytes: &[u8]) {
        let hex = keys::hex(bytes);
        self.add(what, hex.to_uppercase().as_bytes());
        self.add(what, hex.as_bytes());
        for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            self.add(what, engine.encode(bytes).as_bytes());
        }
    }

    /// Each text of an answer that is long enough to be a secret, and its parts.
    fn add_answer(&mut self, what: &str, answer: &Value) {
        match answer {
            Value::String(text) if text.len() >= 60 => {
                self.add(what, text.as_bytes());
                // A token's signature alone would be as bad, and so would any line of a certificate.
                for part in text.split(['.', '\n', ' ']).filter(|part| part.len() >= 60) {
                    self.add(what, part.as_bytes());
                }
            }
            Value::Array(all) => all.iter().for_each(|one| self.add_answer(what, one)),
            Value::Object(all) => all.values().for_each(|one| self.add_answer(what, one)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn found_in(&self, stolen: &[u8]) -> Vec<&str> {
        let found = self.0.iter().filter(|(_, secret)| {
            stolen
                .windows(secret.len())
                .any(|window| window == &secret[..])
        });
        found.map(|(what, _)| what.as_str()).collect()
    }
}

/// Uses a server as people do; all that was handed out, and all that it made.
fn used(server: &Serve, secrets: &mut Secrets) {
    let guest = server.let_in("alice", &["on-call"]);
    secrets.add(
        "a session's token",
        guest.token.0.expose_secret().as_bytes(),
    );
    secrets.add_key("a client's key", &guest.holder);
    for entitlement in ["ssh/web:deploy", "postgres/orders:read"] {
        elevated(&guest, entitlement, secrets);
    }
    assert_eq!(guest.ask("ssh/web:root", &Keys::new()).status, 400 + 4);
}

fn elevated(guest: &Guest, entitlement: &str, secrets: &mut Secrets) {
    let lease = Keys::new();
    let once = [("idempotency-key", "a-key-of-a-test-0001")];
    let body = lease.request(entitlement);
    let answer = guest.post_with(
        "/v1/elevations",
        &once[..usize::from(entitlement.starts_with("ssh"))],
        &body,
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    secrets.add_answer(&format!("an answer about {entitlement}"), &answer);
    secrets.add_key("a lease's key", &lease.holder);
    secrets.add_key("a certificate's key", &lease.key);
    let path = format!(
        "/v1/elevations/{}/credential",
        answer["id"].as_str().unwrap()
    );
    let renewed = guest.post(&path, &lease.renewal(&answer));
    assert_eq!(renewed.status, 200, "{renewed:?}");
    secrets.add_answer("a renewed credential", &renewed.json());
}

/// The keys that the authority made, before and after they were rotated, and the one that seals them.
fn made(server: &Serve, secrets: &mut Secrets) {
    let sealing = fs::read(server.path("state/sealing.key")).unwrap();
    secrets.add("the sealing key", &sealing);
    secrets.add_text("the sealing key", &sealing);
    signing(server, secrets);
    let mut rotate = server.home.jit(["serve", "rotate", "--config"]);
    assert_eq!(run(rotate.arg(server.path(""))).code, 0);
    signing(server, secrets);
}

fn signing(server: &Serve, secrets: &mut Secrets) {
    let keys = with_authority(&server.path(""), async |authority| {
        let mut keys = Vec::new();
        for purpose in [
            "token",
            "session",
            "ca ssh/web",
            "ca postgres/orders",
            "checkpoint",
        ] {
            let key = authority
                .store
                .signing_key(purpose, clock::now())
                .await
                .unwrap();
            keys.push((purpose, key));
        }
        keys
    });
    for (purpose, key) in keys {
        secrets.add_key(&format!("the key of {purpose}"), &key);
    }
}

#[test]
fn nothing_is_readable_in_a_stolen_file() {
    let mut server = Serve::start(CATALOGUE, POLICIES);
    let mut secrets = Secrets::default();
    used(&server, &mut secrets);
    made(&server, &mut secrets);
    // While it runs, with its log beside it, and after it ended; and what a backup has.
    let backup = server.home.path("backup.db");
    let mut copy = server.home.jit(["serve", "backup", "--config"]);
    assert_eq!(run(copy.arg(server.path("")).arg(&backup)).code, 0);
    let state: Vec<PathBuf> = ["ledger.db", "ledger.db-wal", "ledger.db-shm", "checkpoint"]
        .map(|name| server.path("state").join(name))
        .into();
    let read = |files: &[PathBuf]| -> Vec<u8> {
        files
            .iter()
            .flat_map(|file| fs::read(file).unwrap_or_default())
            .collect()
    };
    let running = read(&state);
    assert!(
        running.windows(5).any(|window| window == b"alice"),
        "that is the database"
    );
    assert_eq!(secrets.found_in(&running), [""; 0]);
    server.stop(Signal::TERM);
    assert_eq!(secrets.found_in(&read(&state)), [""; 0]);
    assert_eq!(secrets.found_in(&read(&[backup])), [""; 0]);
    assert_eq!(secrets.found_in(server.log().as_bytes()), [""; 0]);
}

#[test]
fn nothing_is_readable_in_a_stolen_dump() {
    let Some(database) = Postgres::start(Access::default()) else {
        return;
    };
    let url = database.owner_url();
    let server = Serve::start_on(&url, CATALOGUE, POLICIES);
    let mut secrets = Secrets::default();
    used(&server, &mut secrets);
    made(&server, &mut secrets);
    let dumped = run(Command::new("pg_dump").arg(&url));
    assert_eq!(dumped.code, 0, "{}", dumped.stderr);
    assert!(dumped.stdout.contains("alice"), "that is the database");
    assert_eq!(secrets.found_in(dumped.stdout.as_bytes()), [""; 0]);
    // Nor do the statements that the server logs hold what was bound to them.
    assert_eq!(secrets.found_in(database.log().as_bytes()), [""; 0]);
    let refused = run(server
        .home
        .jit(["serve", "backup", "x.db", "--config"])
        .arg(server.path("")));
    assert!(refused.stderr.contains("pg_dump"), "{refused:?}");
}
