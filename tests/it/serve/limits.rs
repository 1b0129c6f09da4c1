//! Too much, too slow, too often: cut off before anything is made of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::member::POLICIES as MEMBERS;
use crate::support::Serve;
use crate::support::serve::{Keys, tls};
use crate::support::web::{CATALOGUE, POLICIES};

/// Reads until the other side ends the connection; what came until then.
fn until_cut_off(stream: &mut impl std::io::Read) -> Vec<u8> {
    let mut answer = Vec::new();
    // A connection that is reset has ended as well.
    drop(stream.read_to_end(&mut answer));
    answer
}

#[test]
fn what_is_too_large_is_refused_before_anybody_is_asked_who_they_are() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let json = [("content-type", "application/json")];
    let large = vec![b' '; 70_000];
    let answer = serve.site().send("POST", "/v1/elevations", &json, &large);
    let answer = answer.unwrap();
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    // Without an announcement it is counted.
    let mut stream = tls(&serve);
    stream
        .write_all(b"POST /v1/elevations HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    for _ in 0..80 {
        let chunk = format!("400\r\n{}\r\n", " ".repeat(1024));
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    drop(stream.write_all(b"0\r\n\r\n"));
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 413");
    let huge = "x".repeat(40_000);
    let answer = serve
        .site()
        .send("GET", "/healthz", &[("x-huge", &huge)], b"");
    // Whoever still sends may find the connection closed before it reads why.
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 431));
    let many: Vec<(String, String)> = (0..80).map(|n| (format!("x-{n}"), n.to_string())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (&**n, &**v)).collect();
    let answer = serve.site().send("GET", "/healthz", &many, b"");
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 431));
    assert_eq!(serve.site().get("/healthz").status, 200);
}

#[test]
fn whoever_is_slow_is_cut_off_and_keeps_nobody() {
    let serve = Serve::start_with(
        CATALOGUE,
        POLICIES,
        "[limits]\nconnections = 8\nheaders_within = \"1s\"\nbody_within = \"1s\"\nhandshake_within = \"1s\"\n",
    );
    // Half-open: no handshake, half a handshake, no request, half a request, half a body.
    let mut silent = TcpStream::connect(&serve.address).unwrap();
    let mut half = TcpStream::connect(&serve.address).unwrap();
    half.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01])
        .unwrap();
    let mut idle = tls(&serve);
    idle.flush().unwrap();
    let mut loris = tls(&serve);
    loris
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ")
        .unwrap();
    let mut dripping = tls(&serve);
    dripping
        .write_all(b"POST /v1/elevations HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        .unwrap();
    let begun = Instant::now();
    let mut said = Vec::new();
    // One byte at a time does not buy time.
    while loris.write_all(b"a").and_then(|()| loris.flush()).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the loris lives");
        std::thread::sleep(Duration::from_millis(100));
    }
    for stream in [&mut silent, &mut half] {
        said.push(until_cut_off(stream));
    }
    said.push(until_cut_off(&mut idle));
    let late = String::from_utf8_lossy(&until_cut_off(&mut dripping)).into_owned();
    assert!(late.starts_with("HTTP/1.1 408"), "{late}");
    // All places are free again, one after the other.
    for _ in 0..20 {
        assert_eq!(serve.site().get("/healthz").status, 200);
    }
}

#[test]
fn whoever_comes_too_often_is_told_when_to_come_again() {
    let serve = Serve::start_with(CATALOGUE, POLICIES, "[limits]\nrequests_per_caller = 2\n");
    let (alice, bob) = (serve.let_in("alice", &[]), serve.let_in("bob", &[]));
    let answers: Vec<_> = (0..12).map(|_| alice.get("/v1/session")).collect();
    let refused = answers.iter().find(|answer| answer.status == 429);
    let refused = refused.expect("a refusal");
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&after), "{after}");
    assert_eq!(refused.json()["type"], "urn:jit:timed-out");
    assert_eq!(
        bob.get("/v1/session").status,
        200,
        "it is Alice who comes too often"
    );
    let answer = crate::support::until("Alice to be let in again", || {
        let answer = alice.ask("ssh/web:deploy", &Keys::new());
        (answer.status != 429).then_some(answer)
    });
    assert_eq!(answer.status, 200);
}

#[test]
fn so_many_requests_of_one_caller_wait_at_once_and_no_more() {
    let serve = Serve::start_with(CATALOGUE, MEMBERS, "[limits]\nwaits_per_caller = 2\n");
    let (alice, bob) = (
        serve.let_in("alice", &[]),
        serve.let_in("bob", &["approvers"]),
    );
    let other = serve.let_in("alice", &[]);
    let mut asked = Keys::new().request("ssh/web:root");
    asked["justification"] = "a fire".into();
    let asked = alice.post("/v1/elevations", &asked);
    let path = format!("/v1/elevations/{}", asked.json()["id"].as_str().unwrap());
    let wait = format!("{path}?wait=30");
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..3).map(|_| scope.spawn(|| alice.get(&wait))).collect();
        crate::support::until("a refusal", || {
            let mut all = all.iter();
            all.any(std::thread::ScopedJoinHandle::is_finished)
                .then_some(())
        });
        // Bob is another one, so is another session of Alice's, and who does not wait is not counted.
        assert_eq!(other.get(&format!("{path}?wait=1")).status, 200);
        assert_eq!(bob.get(&format!("{path}?wait=1")).status, 200);
        assert_eq!(alice.get(&path).status, 200);
        let yes = serde_json::json!({"answer": "approve"});
        assert_eq!(bob.post(&format!("{path}/approval"), &yes).status, 200);
        let answers: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 429]);
        let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
        assert!(refused.header("retry-after").is_some());
    });
}

#[test]
fn an_address_that_comes_too_often_is_refused_before_anybody_is_asked_who_they_are() {
    let serve = Serve::start_with(CATALOGUE, POLICIES, "[limits]\nrequests_per_address = 3\n");
    let site = serve.site();
    let answers: Vec<_> = (0..20).map(|_| site.get("/v1/session").status).collect();
    assert!(
        answers.contains(&401) && answers.contains(&429),
        "{answers:?}"
    );
}
