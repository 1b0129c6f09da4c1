//! A clock that jumps: a lease is never used past its end, and one from the future is not believed.

use std::path::Path;

use serde_json::Value;

use crate::support::{
    home::{Home, Ran, run},
    skip::skip,
    web::web,
    whereabouts::program,
};

/// `jit` whose clock is off by this much: `+2h`. It must be linked dynamically.
fn at(home: &Home, faketime: &Path, offset: &str, args: &[&str]) -> Ran {
    let mut command = home.command(faketime);
    // How long something takes is still told by the clock that does not jump.
    command.env("DONT_FAKE_MONOTONIC", "1");
    command.args(["-f", offset]).arg(env!("CARGO_BIN_EXE_jit"));
    run(command.args(args))
}

fn granted(home: &Home) -> Vec<Value> {
    let listed = run(&mut home.jit(["audit", "--json"]));
    let events = listed
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["kind"] == "granted").collect()
}

#[test]
fn a_clock_that_jumps_costs_a_new_grant_and_nothing_else() {
    let Some(faketime) = program("faketime", None) else {
        return skip("faketime is not installed");
    };
    let home = web();
    let ask = |offset: &str| {
        let asked = at(&home, &faketime, offset, &["request", "ssh/web:deploy"]);
        assert_eq!(
            (asked.code, asked.stderr.as_str()),
            (0, ""),
            "{offset}: {asked:?}"
        );
        granted(&home).len()
    };
    assert_eq!(ask("+0"), 1);
    assert_eq!(ask("+30s"), 1, "a live lease is used");
    assert_eq!(ask("-30s"), 1, "a little skew is nothing");
    assert_eq!(ask("+2h"), 2, "what is over is asked for again");
    // The lease that rests there now is from the future.
    assert_eq!(ask("+0"), 3, "a lease from the future is not believed");
    assert_eq!(ask("-2h"), 4, "nor is it after the clock was set back");
    assert_eq!(ask("-2h"), 4, "and then all is as ever");
    let at: Vec<_> = granted(&home)
        .iter()
        .map(|event| event["at"].as_str().unwrap().to_owned())
        .collect();
    assert!(at[1] > at[0] && at[2] < at[1] && at[3] < at[0], "{at:?}");
    let verified = run(&mut home.jit(["audit", "verify"]));
    assert_eq!(
        verified.code, 0,
        "order is by place, not by time: {verified:?}"
    );
}

#[test]
fn what_is_over_or_from_the_future_is_not_shown_as_held() {
    let Some(faketime) = program("faketime", None) else {
        return skip("faketime is not installed");
    };
    let home = web();
    let asked = at(&home, &faketime, "+0", &["request", "ssh/web:deploy"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    for offset in ["+2h", "-2h"] {
        let held = at(&home, &faketime, offset, &["status", "--json"]);
        assert_eq!(
            (held.code, held.stdout.as_str()),
            (0, ""),
            "{offset}: {held:?}"
        );
    }
}
