//! Two replicas on one database: what is said at one holds at the other, at once.

use std::{fs, process::Stdio};

use super::member::{DELEGATE, Member, POLICIES};
use crate::support::{
    Access, Postgres, Replicas, home::Ran, pty::Pty, serve::Keys, until, web::CATALOGUE,
    whereabouts::jit,
};

fn two(postgres: &Postgres) -> Replicas {
    Replicas::start(2, &postgres.owner_url(), (CATALOGUE, POLICIES), "")
}

/// An agent that asks for something, waits to be told to go on, and asks once more.
const AGENT: &str = r#"
"$1" request ssh/web:deploy --json > "$2/first" && mv "$2/first" "$2/used"
until [ -e "$2/go" ]; do sleep 0.05; done
"$1" forget --all > "$2/forgotten"
"$1" request ssh/web:deploy
"#;

#[test]
fn an_agent_is_out_everywhere_as_soon_as_whom_it_acts_for_is() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let replicas = two(&postgres);
    let alice = Member::of(replicas.replica(0), "alice", &[]);
    replicas.lead_to(0);
    let mut delegate = alice.home.jit(DELEGATE);
    delegate.args(["sh", "-c", &format!("read hold; {AGENT}"), "agent"]);
    delegate.arg(jit()).arg(alice.home.path(""));
    delegate
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut agent = delegate.spawn().unwrap();
    until("the agent's session", || {
        alice.home.path("run/jit").read_dir().ok()?.next().map(drop)
    });
    // It was let in at one, and works at the other.
    replicas.lead_to(1);
    drop(agent.stdin.take());
    let used = until("the agent to be given something", || {
        fs::read_to_string(alice.home.path("used")).ok()
    });
    let used: serde_json::Value = serde_json::from_str(&used).unwrap();
    replicas.lead_to(0);
    let out = alice.jit(&["logout"]);
    assert_eq!(out.code, 0, "{out:?}");
    replicas.lead_to(1);
    alice.home.write("go", "");
    let ended = Ran::from(agent.wait_with_output().unwrap());
    assert_eq!((ended.code, &*ended.stdout), (123, ""), "{ended:?}");
    assert!(ended.stderr.contains("the session has ended"), "{ended:?}");
    assert_eq!(
        fs::read_to_string(alice.home.path("forgotten")).unwrap(),
        "forgot 1 lease\n"
    );
    let admin = Member::of(replicas.replica(1), "root", &["administrators"]);
    let grant = used["grant"].as_str().unwrap();
    let story = admin.works(&["audit", "--json", "--grant", grant]);
    assert!(story.contains("\"revoked\""), "{story}");
}

#[test]
fn whoever_waits_at_one_replica_goes_on_when_somebody_approves_at_another() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let replicas = two(&postgres);
    let alice = Member::of(replicas.replica(0), "alice", &[]);
    let bob = Member::of(replicas.replica(0), "bob", &["approvers"]);
    replicas.lead_to(0);
    let line = format!(
        "{} exec --on ssh/web --role root -j 'a fire' -- printf %s-%s it ran",
        jit().display()
    );
    let terminal = Pty::run(&alice.home, &line);
    terminal.wait_for("waits for approval, 0 of 1");
    replicas.lead_to(1);
    let listed = bob.works(&["approvals", "--json"]);
    let waiting: serde_json::Value = serde_json::from_str(&listed).unwrap();
    bob.works(&[
        "approve",
        waiting["id"].as_str().unwrap(),
        "-j",
        "seen the smoke",
    ]);
    let (code, shown) = terminal.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("it-ran"), "{shown}");
}

/// Whoever saw a request has its proof and its key, and shows them to the replica that has not.
#[test]
fn an_answer_is_told_again_for_a_proof_of_its_own_alone() {
    let Some(postgres) = Postgres::start(Access::default()) else {
        return;
    };
    let replicas = two(&postgres);
    let alice = replicas.let_in("alice");
    let body = Keys::new().request("ssh/web:deploy").to_string();
    let send = |replica: usize, proof: &[(&str, String)]| {
        let proof = proof.iter().map(|(name, value)| (*name, value.as_str()));
        let more = [
            ("content-type", "application/json"),
            ("idempotency-key", "one"),
        ];
        let headers: Vec<(&str, &str)> = proof.chain(more).collect();
        let sent = replicas
            .site(replica)
            .send("POST", "/v1/elevations", &headers, body.as_bytes());
        sent.unwrap()
    };
    let proof = alice.headers("POST", "/v1/elevations");
    let first = send(0, &proof);
    assert_eq!(first.status, 200, "{}", first.text());
    let stolen = send(1, &proof);
    assert_eq!(stolen.status, 401, "{}", stolen.text());
    let again = send(1, &alice.headers("POST", "/v1/elevations"));
    assert_eq!(again.json()["credential"], first.json()["credential"]);
}
