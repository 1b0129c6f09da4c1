//! A server that ends finishes what was begun, and comes again as it was.

use rustix::process::Signal;

use crate::support::Serve;
use crate::support::serve::Keys;
use crate::support::web::{CATALOGUE, POLICIES};

#[test]
fn a_server_comes_again_with_the_same_authority_and_the_same_sessions() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    let alice = serve.let_in("alice", &[]);
    let (keys, ca) = (Keys::new(), std::fs::read(serve.ca()).unwrap());
    let first = alice.ask("ssh/web:deploy", &keys).json();
    serve.stop(Signal::TERM);
    let log = serve.log();
    assert!(log.contains(&serve.address), "{log}");
    serve.start_again();
    assert_eq!(std::fs::read(serve.ca()).unwrap(), ca);
    let alice = serve.guest(alice.holder, alice.token, alice.session);
    let path = format!(
        "/v1/elevations/{}/credential",
        first["id"].as_str().unwrap()
    );
    let renewed = alice.post(&path, &keys.renewal(&first));
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    serve.signal(Signal::INT);
    serve.stop(Signal::INT);
}
