//! What a team holds on to when machines fail: replicas are killed in the middle of what they do, the database
//! stops and fails over, and clients that ask again get every answer, once.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use jit::{
    domain::event::{Entry, EventFilter, EventKind},
    store::ledger::Verification,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    Failover, Replicas,
    http::{Answer, Connection},
    serve::{Guest, Keys},
    until,
    web::{CATALOGUE, POLICIES},
};

const CLIENTS: usize = 8;
/// How often the connections to the database are cut, each time in the middle of other requests.
const CUTS: usize = 12;
/// What the keys of renewals end in.
const RENEWED: &str = "-renewed";
/// How long a client asks again before it says that its request was lost.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn nothing_is_lost_when_replicas_are_killed_and_the_database_fails_over() {
    let Some(mut database) = Failover::start() else {
        return;
    };
    let mut replicas = Replicas::start(2, &database.url(), (CATALOGUE, POLICIES), "");
    let guests: Vec<Guest> = (0..CLIENTS)
        .map(|number| replicas.let_in(&format!("client-{number}")))
        .collect();
    let watch = Watch::default();
    let held = thread::scope(|scope| {
        let clients: Vec<_> = guests
            .iter()
            .map(|guest| scope.spawn(|| Client::new(guest, &watch).work()))
            .collect();
        let _stop = Stop(&watch.over);
        watch.answered(50);
        for _ in 0..3 {
            for number in 0..2 {
                replicas.stop(number, Signal::KILL);
                watch.answered(40);
                let killed = replicas.replica(number).process();
                replicas.start_again(number);
                assert_ne!(replicas.replica(number).process(), killed);
                watch.answered(20);
            }
        }
        // One that is asked to end loses nothing either.
        replicas.stop(0, Signal::TERM);
        replicas.start_again(0);
        watch.answered(20);
        database.restart(|| watch.refused());
        watch.answered(40);
        for _ in 0..CUTS {
            database.address().cut();
            watch.answered(20);
        }
        database.fail_over();
        watch.answered(40);
        // Both at once, and nobody else.
        replicas.stop(0, Signal::KILL);
        replicas.stop(1, Signal::KILL);
        watch.refused();
        replicas.start_again(1);
        replicas.start_again(0);
        watch.answered(40);
        watch.over.store(true, Ordering::SeqCst);
        let held = clients.into_iter().map(|client| client.join().unwrap());
        held.flatten().collect::<Vec<Held>>()
    });
    let entries = replicas.with_store(async |store| {
        let verified = store.ledger().verify().await.unwrap();
        assert!(
            matches!(verified, Verification::Whole { .. }),
            "{verified:?}"
        );
        let all = EventFilter {
            after: Some(0),
            ..EventFilter::default()
        };
        store.ledger().list(&all).await.unwrap()
    });
    accounted(&held, &entries);
}

/// Every credential that a client holds is in the ledger, behind the grant that explains it, and no key was
/// answered with two grants or two credentials.
fn accounted(held: &[Held], entries: &[Entry]) {
    let at = |kind: EventKind, grant: &str, credential: Option<&str>| {
        entries.iter().position(|entry| {
            let event = &entry.event;
            let same = credential.is_none() || event.credential.as_deref() == credential;
            event.kind == kind && event.grant.as_str() == grant && same
        })
    };
    let mut answers: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for one in held {
        let granted = at(EventKind::Granted, &one.grant, None);
        let issued = at(EventKind::Issued, &one.grant, Some(&one.serial));
        assert!(granted.is_some(), "{one:?} has no grant in the ledger");
        assert!(issued > granted, "{one:?} has no event behind its grant");
        let answer = (&*one.grant, &*one.serial);
        answers.entry(&one.key).or_default().insert(answer);
    }
    for (key, answers) in &answers {
        assert_eq!(
            answers.len(),
            1,
            "{key} was answered differently: {answers:?}"
        );
    }
    // Not one grant for two keys either.
    let grants: BTreeSet<&str> = held.iter().map(|one| &*one.grant).collect();
    let elevations = answers.keys().filter(|key| !key.ends_with(RENEWED));
    assert_eq!(grants.len(), elevations.count());
}

/// A credential that a client was given, and for which request.
#[derive(Debug)]
struct Held {
    /// The idempotency key.
    key: String,
    grant: String,
    serial: String,
}

/// What the clients have seen so far.
#[derive(Default)]
struct Watch {
    over: AtomicBool,
    answers: AtomicUsize,
    refusals: AtomicUsize,
    strange: Mutex<Vec<String>>,
}

impl Watch {
    /// Waits for so many more answers.
    fn answered(&self, more: usize) {
        let before = self.answers.load(Ordering::SeqCst);
        self.wait("answers", || {
            self.answers.load(Ordering::SeqCst) >= before + more
        });
    }

    /// Waits until a client was refused.
    fn refused(&self) {
        let before = self.refusals.load(Ordering::SeqCst);
        self.wait("a refusal", || {
            self.refusals.load(Ordering::SeqCst) > before
        });
    }

    fn wait(&self, what: &str, mut come: impl FnMut() -> bool) {
        until(what, || {
            let strange = self.strange.lock().unwrap();
            assert!(strange.is_empty(), "{strange:?}");
            come().then_some(())
        });
    }
}

/// Ends the clients also where the test fails, which else would wait for them.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Somebody who asks until they are answered, and sometimes loses an answer.
struct Client<'a> {
    guest: &'a Guest,
    watch: &'a Watch,
    connection: Option<Connection>,
    /// How many things it has asked for.
    turn: usize,
    held: Vec<Held>,
}

impl<'a> Client<'a> {
    fn new(guest: &'a Guest, watch: &'a Watch) -> Self {
        Self {
            guest,
            watch,
            connection: None,
            turn: 0,
            held: Vec::new(),
        }
    }

    fn work(mut self) -> Vec<Held> {
        for number in 0.. {
            if self.watch.over.load(Ordering::SeqCst) || self.elevate(number).is_none() {
                break;
            }
        }
        self.held
    }

    /// An elevation and a renewal under it; nothing once one of them was lost.
    fn elevate(&mut self, number: usize) -> Option<()> {
        let key = format!("{}-{number}", self.guest.session.id);
        let keys = Keys::new();
        let first = self.ask_once("/v1/elevations", &key, &keys.request("ssh/web:deploy"))?;
        let path = format!("/v1/elevations/{}/credential", first["id"].as_str()?);
        self.ask_once(&path, &format!("{key}{RENEWED}"), &keys.renewal(&first))?;
        Some(())
    }

    /// Asks, now and then without reading the first answer, and now and then once more after it.
    fn ask_once(&mut self, path: &str, key: &str, body: &Value) -> Option<Value> {
        self.turn += 1;
        if self.turn % 4 >= 2 {
            drop(self.begin(path, key, body));
            self.connection = None;
        }
        let first = self.insist(path, key, body)?;
        if self.turn % 2 == 1 {
            let again = self.insist(path, key, body)?;
            if first != again {
                self.strange(format!("{key}: {first} and then {again}"));
            }
        }
        Some(first)
    }

    /// Asks until there is an answer, which is held; nothing where it is lost.
    fn insist(&mut self, path: &str, key: &str, body: &Value) -> Option<Value> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.ask(path, key, body) {
                Ok(answer) if answer.status == 200 => return Some(self.hold(key, &answer)),
                Ok(answer) if matches!(answer.status, 429 | 503) => {}
                Ok(answer) => {
                    self.strange(format!("{key}: {} {}", answer.status, answer.text()));
                    return None;
                }
                Err(_) => self.connection = None,
            }
            self.watch.refusals.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(50));
        }
        self.strange(format!("{key} was lost"));
        None
    }

    fn hold(&mut self, key: &str, answer: &Answer) -> Value {
        let view = answer.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.held.push(Held {
            key: key.to_owned(),
            grant: text(&view["id"]),
            serial: text(&view["credential"]["serial"]),
        });
        self.watch.answers.fetch_add(1, Ordering::SeqCst);
        view
    }

    fn ask(&mut self, path: &str, key: &str, body: &Value) -> io::Result<Answer> {
        self.begin(path, key, body)?;
        self.connection()?.answer()
    }

    fn begin(&mut self, path: &str, key: &str, body: &Value) -> io::Result<()> {
        let guest = self.guest;
        let connection = self.connection()?;
        guest.begin(connection, path, &[("idempotency-key", key)], body)
    }

    fn connection(&mut self) -> io::Result<&mut Connection> {
        if self.connection.is_none() {
            self.connection = Some(self.guest.connect()?);
        }
        Ok(self.connection.as_mut().expect("a connection"))
    }

    /// Notes what should not have been seen, which ends the test.
    fn strange(&self, what: String) {
        self.watch.strange.lock().unwrap().push(what);
    }
}
