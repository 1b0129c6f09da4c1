//! Break-glass by the policies that `jit init` writes: for whom, with what, and how it is recorded.

use serde_json::Value;

use crate::support::{
    home::{Home, Ran, run},
    web::CATALOGUE,
    whereabouts::user_name,
};

/// A home as `jit init` leaves it, whose catalogue puts `on_call` on call.
fn home(on_call: &str) -> Home {
    let home = Home::new();
    home.configure(
        "authority.toml",
        &format!("[groups]\non-call = [\"{on_call}\"]\n{CATALOGUE}"),
    );
    let init = run(&mut home.jit(["init"]));
    assert_eq!(init.code, 0, "{init:?}");
    home
}

fn ask(home: &Home, args: &[&str]) -> Ran {
    run(home.jit(["request", "ssh/web:root"]).args(args))
}

fn events(home: &Home) -> Vec<Value> {
    let listed = run(&mut home.jit(["audit", "--json"]));
    listed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[track_caller]
fn denied(ran: &Ran, message: &str, hint: &str) {
    assert_eq!((ran.code, ran.stdout.as_str()), (121, ""), "{ran:?}");
    let (said, hinted) = ran.stderr.split_once("\nhint: ").expect("a hint");
    assert!(said.contains(message), "{said:?}");
    assert!(hinted.contains(hint), "{hinted:?}");
}

#[test]
fn who_is_on_call_breaks_the_glass_and_says_why() {
    let home = home(&user_name());
    denied(
        &ask(&home, &["-j", "disk is full"]),
        "needs somebody else's approval",
        "--break-glass -j WHY",
    );
    denied(
        &ask(&home, &["--break-glass"]),
        "ssh/web:root needs a justification",
        "run: jit request ssh/web:root --break-glass -j WHY",
    );
    for empty in ["", "  "] {
        let asked = ask(&home, &["--break-glass", "-j", empty]);
        assert_eq!(asked.code, 121, "{empty:?} is no reason: {asked:?}");
    }
    let broken = ask(&home, &["--break-glass", "-j", "disk is full"]);
    let said = "jit: break-glass: ssh/web:root is yours without approval; it is on record as such \
                and will be reviewed\n";
    assert_eq!((broken.code, broken.stderr.as_str()), (0, said));
    assert!(broken.stdout.contains("  by break-glass in "), "{broken:?}");

    let kinds: Vec<_> = events(&home)
        .iter()
        .map(|event| event["kind"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            "denied",
            "denied",
            "denied",
            "denied",
            "break-glass",
            "issued"
        ]
    );
    let event = &events(&home)[4];
    assert_eq!(event["justification"], "disk is full");
    assert_eq!(event["policies"], serde_json::json!(["break-glass"]));
    let held = run(&mut home.jit(["status", "--json"]));
    let held: Value = serde_json::from_str(&held.stdout).unwrap();
    assert_eq!(held["break_glass"], true);
}

#[test]
fn nobody_else_breaks_the_glass() {
    let home = home("somebody-else");
    let asked = ask(&home, &["--break-glass", "-j", "I am in a hurry"]);
    denied(
        &asked,
        "no policy permits break-glass",
        "jit policy explain ssh/web:root",
    );
    assert_eq!(events(&home).len(), 1);
    // What is routine needs no glass, so there is none to break.
    let routine = run(&mut home.jit(["request", "ssh/web:deploy", "--break-glass", "-j", "x"]));
    denied(
        &routine,
        "no policy permits break-glass",
        "jit policy explain",
    );
    let plain = run(&mut home.jit(["request", "ssh/web:deploy"]));
    assert_eq!(plain.code, 0, "{plain:?}");
}

#[test]
fn what_it_would_do_is_explained() {
    let home = home("alice");
    let explain = |extra: &[&str]| {
        let explained = run(home.jit(["policy", "explain", "ssh/web:root"]).args(extra));
        assert_eq!(explained.code, 0, "{explained:?}");
        explained.stdout
    };
    let alice = explain(&["--as", "alice", "--break-glass", "-j", "INC-7"]);
    assert!(alice.contains("break-glass"), "{alice}");
    let bob = explain(&["--as", "bob", "--break-glass", "-j", "INC-7"]);
    assert!(bob.contains("on-call"), "the near miss is named: {bob}");
    assert_ne!(alice, bob);
}
