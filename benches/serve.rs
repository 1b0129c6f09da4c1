//! `jit serve`: elevations by many clients at once over HTTPS, each with a signed SSH certificate and both of
//! its events durably in the ledger, on SQLite and PostgreSQL; a cold elevation as its client sees it; latency
//! and memory among many grants and events. Beside it OpenBao's `ssh/sign`, where `bao` is on the PATH.
//! Run: `cargo bench --bench serve`; `JIT_BENCH_CLIENTS=32` for another number of clients than 1, 8, 32 and 128,
//! `JIT_BENCH_EVENTS=1000000` for the memory at a million events.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark may fail, and prints"
)]

#[path = "measure/bao.rs"]
mod bao;
#[path = "measure/fill.rs"]
mod fill;
#[path = "measure/load.rs"]
mod load;
#[expect(dead_code, reason = "the others use all of it")]
mod measure;
#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests use all of it")]
mod support;

use std::{
    env, fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bao::Bao;
use fill::fill;
use jit::platform::keys;
use load::{Load, load};
use measure::{quantile, rounds};
use ssh_key::{
    PublicKey,
    public::{Ed25519PublicKey, KeyData},
};
use support::{
    Access, Postgres, Replicas, Serve,
    postgres::Durability,
    serve::{Guest, Keys},
    web::{CATALOGUE, POLICIES},
};

/// Else a limit would be what is measured.
const LIMITS: &str = "[limits]\nrequests_per_address = 1000000\nrequests_per_caller = 1000000\nevents_per_caller = 4000000000\n";

fn main() {
    // A place on a disk, where /tmp may be memory.
    let server = Postgres::start_as(Access::default(), Durability::Disk);
    let sqlite = Serve::start_with(CATALOGUE, POLICIES, LIMITS);
    let postgres = server
        .as_ref()
        .map(|server| Replicas::start(1, &server.owner_url(), (CATALOGUE, POLICIES), LIMITS));
    let postgres = postgres.as_ref().map(|one| one.replica(0));
    let bao = Bao::start();
    throughput(&sqlite, postgres, bao.as_ref());
    drop(bao);
    cold(&sqlite);
    beside_a_large_catalogue();
    for (name, serve) in [("SQLite", Some(&sqlite)), ("PostgreSQL", postgres)] {
        if let Some(serve) = serve {
            growth(name, serve);
        }
    }
}

/// The rate and the latency with each number of clients, in turns.
fn throughput(sqlite: &Serve, postgres: Option<&Serve>, bao: Option<&Bao>) {
    println!(
        "{:28} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}",
        "", "clients", "per s", "ratio", "p50", "p99", "cpu each"
    );
    let span = Duration::from_secs(u64::try_from(rounds(5)).unwrap());
    for clients in clients() {
        let mut measured = vec![("jit serve, SQLite", elevations(sqlite, clients, span))];
        measured.extend(
            postgres.map(|serve| ("jit serve, PostgreSQL", elevations(serve, clients, span))),
        );
        measured.extend(bao.map(|bao| ("bao ssh/sign", signatures(bao, clients, span))));
        let base = measured.last().map_or(1.0, |(_, load)| load.rate);
        for (name, load) in measured {
            println!(
                "{name:28} {clients:>8} {:>8.0} {:>8.2} {:>6.1} ms {:>6.1} ms {:>6.2} ms",
                load.rate,
                load.rate / base,
                load.quantile(0.5),
                load.quantile(0.99),
                load.cpu,
            );
        }
    }
    if bao.is_none() {
        println!("bao is not on the PATH: not compared with OpenBao");
    }
}

fn clients() -> Vec<usize> {
    let Ok(wanted) = env::var("JIT_BENCH_CLIENTS") else {
        return vec![1, 8, 32, 128];
    };
    let numbers = wanted.split(',').map(str::parse);
    numbers
        .collect::<Result<_, _>>()
        .expect("JIT_BENCH_CLIENTS has numbers: 1,32")
}

fn elevations(serve: &Serve, clients: usize, span: Duration) -> Load {
    let guests: Vec<Guest> = (0..clients)
        .map(|number| serve.let_in(&format!("client-{number}"), &[]))
        .collect();
    load(serve.process(), (clients, span), |number| {
        let (guest, keys) = (&guests[number], Keys::new());
        let mut connection = guest.connect().expect("the server listens");
        move || {
            let request = keys.request("ssh/web:deploy");
            let begun = guest.begin(&mut connection, "/v1/elevations", &[], &request);
            let answer = begun.and_then(|()| connection.answer());
            let answer = answer.expect("the server answers");
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    })
}

fn signatures(bao: &Bao, clients: usize, span: Duration) -> Load {
    load(bao.process(), (clients, span), |_| {
        let key = KeyData::Ed25519(Ed25519PublicKey(
            keys::generate().expect("a key").public().0,
        ));
        let key = PublicKey::from(key).to_openssh().expect("a key");
        let mut connection = bao.connect();
        move || bao.sign(&mut connection, &key)
    })
}

/// An elevation by a client that was not connected.
fn cold(serve: &Serve) {
    let guest = serve.let_in("cold", &[]);
    let mut spans: Vec<f64> = (0..rounds(500))
        .map(|_| {
            let started = Instant::now();
            let answer = guest.ask("ssh/web:deploy", &Keys::new());
            assert_eq!(answer.status, 200, "{}", answer.text());
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    spans.sort_by(f64::total_cmp);
    println!(
        "\na cold elevation, with its connection and TLS handshake: p50 {:.1} ms, p99 {:.1} ms",
        quantile(&spans, 0.5),
        quantile(&spans, 0.99)
    );
}

/// What others' elevations cost while one person of 1,000 groups reads a catalogue of 300 entitlements, again and
/// again on 8 connections.
fn beside_a_large_catalogue() {
    let large: Vec<String> = (0..100)
        .map(|number| {
            format!(
                "[resources.\"ssh/web-{number}\"]\nhosts = [\"web-{number}.example.com\"]\nroles.deploy = {{}}\n\
                 roles.ops = {{ tier = \"elevated\" }}\nroles.root = {{ tier = \"sensitive\" }}\n"
            )
        })
        .collect();
    let serve = Serve::start_with(&(large.concat() + CATALOGUE), POLICIES, LIMITS);
    let groups: Vec<String> = (0..1000).map(|number| format!("team-{number}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let greedy = serve.let_in("greedy", &groups);
    let span = Duration::from_secs(u64::try_from(rounds(5)).unwrap());
    let alone = elevations(&serve, 8, span);
    let running = Arc::new(());
    let beside = thread::scope(|scope| {
        let ended = Arc::clone(&running);
        for _ in 0..8 {
            let (running, greedy) = (Arc::downgrade(&running), &greedy);
            scope.spawn(move || {
                while running.strong_count() > 1 {
                    greedy.get("/v1/resources");
                }
            });
        }
        let beside = elevations(&serve, 8, span);
        drop(ended);
        beside
    });
    for (what, load) in [("alone", alone), ("beside a large catalogue", beside)] {
        println!(
            "8 clients, {what:26} {:>8.0} per s, p50 {:.1} ms, p99 {:.1} ms",
            load.rate,
            load.quantile(0.5),
            load.quantile(0.99)
        );
    }
}

/// Latency and memory as grants and events become many.
fn growth(name: &str, serve: &Serve) {
    println!("\n{name:28} {:>9} {:>9} {:>9}", "p50", "p99", "memory");
    let events = env::var("JIT_BENCH_EVENTS").ok();
    let events: Option<usize> = events.and_then(|events| events.parse().ok());
    let steps = [("after the above", 0), ("10,000 more live grants", 10_000)];
    let more = events.map(|events| ("and so many events", events / 2));
    for (what, grants) in steps.into_iter().chain(more) {
        fill(serve, grants);
        let load = elevations(serve, 1, Duration::from_secs(3));
        println!(
            "{what:28} {:>6.1} ms {:>6.1} ms {:>6.0} MB",
            load.quantile(0.5),
            load.quantile(0.99),
            memory(serve)
        );
    }
}

/// The resident memory of the server, in megabytes.
fn memory(serve: &Serve) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", serve.process())).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kilobytes.expect("a number") / 1024.0
}
