//! The first administrator of a server without a provider.

use super::{events, machine};
use crate::support::{
    Home,
    home::{Ran, run},
    serve::Serve,
    until,
    web::{CATALOGUE, POLICIES},
};

fn code(serve: &Serve) -> Option<String> {
    let log = serve.log();
    let (_, rest) = log.split_once("jit login --bootstrap ")?;
    Some(rest.split_once(' ')?.0.to_owned())
}

fn bootstrap(home: &Home, code: &str, name: &str) -> Ran {
    run(&mut home.jit(["login", "--bootstrap", code, "--name", name]))
}

#[test]
fn whoever_reads_the_terminal_is_the_first_administrator_and_nobody_after_them() {
    let mut serve = Serve::start(CATALOGUE, POLICIES);
    let shown = until("a code", || code(&serve));
    let home = machine(&serve);
    let ran = run(&mut home.jit(["login"]));
    assert_eq!(ran.code, 121, "{ran:?}");
    assert!(ran.stderr.contains("--bootstrap CODE"), "{ran:?}");
    let ran = bootstrap(&home, "00000000000000000000000000000000", "mallory");
    assert_eq!(ran.code, 121, "{ran:?}");
    let ran = bootstrap(&home, &shown, "not a name");
    assert_ne!(ran.code, 0, "{ran:?}");
    let ran = bootstrap(&home, &shown, "alice");
    assert_eq!(ran.code, 0, "{ran:?}");
    let who = run(&mut home.jit(["whoami", "--json"])).stdout;
    assert!(who.contains("\"principal\":\"alice\""), "{who}");
    assert!(who.contains("\"administrators\""), "{who}");
    // The same code again, and a new one, open nothing.
    let other = machine(&serve);
    let ran = bootstrap(&other, &shown, "mallory");
    assert_eq!(ran.code, 121, "{ran:?}");
    let ran = bootstrap(&other, &shown, "alice");
    assert_eq!(ran.code, 121, "{ran:?}");
    assert_eq!(run(&mut other.jit(["whoami"])).code, 123);
    serve.stop(rustix::process::Signal::TERM);
    serve.start_again();
    assert_eq!(code(&serve), None, "{}", serve.log());
    let enrolled = events(&serve)
        .into_iter()
        .filter(|(kind, who, _)| kind == "enrolled" && who == "alice");
    assert!(enrolled.count() >= 1);
}

#[test]
fn of_many_who_come_at_once_one_is_first() {
    let serve = Serve::start(CATALOGUE, POLICIES);
    let shown = until("a code", || code(&serve));
    let homes: Vec<Home> = (0..4).map(|_| machine(&serve)).collect();
    let mut children = Vec::new();
    for (number, home) in homes.iter().enumerate() {
        let name = format!("person{number}");
        let mut jit = home.jit(["login", "--bootstrap", &shown, "--name", &name]);
        children.push(jit.spawn().unwrap());
    }
    let codes = children.iter_mut().map(|child| child.wait().unwrap());
    let mut codes: Vec<i32> = codes.map(|status| status.code().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 121, 121, 121]);
}
