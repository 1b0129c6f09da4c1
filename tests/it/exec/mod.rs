//! The main job on the real thing: `jit exec` runs the real tools against real targets.

mod aws;
mod bound;
pub(crate) mod kubernetes;
mod nothing;
mod postgres;
mod services;
mod services_kept;
mod services_of_the_user;
pub(crate) mod ssh;
mod ssh_hosts;

use serde_json::Value;

use crate::support::{
    home::{Home, Ran, run},
    web::POLICIES,
};

/// A home with this catalogue, and policies for each tier.
pub(crate) fn home(catalogue: &str) -> Home {
    let home = Home::new();
    home.configure("authority.toml", catalogue);
    home.configure("policies/all.cedar", POLICIES);
    home
}

pub(crate) fn jit(home: &Home, args: &[&str]) -> Ran {
    run(&mut home.jit(args))
}

/// Runs a command that must work; what it printed on stdout. `jit` itself says nothing.
#[track_caller]
pub(crate) fn works(home: &Home, args: &[&str]) -> String {
    let ran = jit(home, args);
    assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
    ran.stdout
}

/// The ledger, as one would query it.
pub(crate) fn events(home: &Home) -> Vec<Value> {
    let listed = works(home, &["audit", "--json"]);
    listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Each event's kind and entitlement, in order.
pub(crate) fn story(home: &Home) -> Vec<String> {
    let line = |event: &Value| {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        format!("{} {}", text("kind"), text("entitlement"))
    };
    events(home).iter().map(line).collect()
}

/// The id of the last grant, and the serial of its last credential.
pub(crate) fn last(home: &Home) -> (String, String) {
    let events = events(home);
    let issued = events
        .iter()
        .rfind(|event| event["kind"] == "issued")
        .unwrap();
    let text = |name: &str| issued[name].as_str().unwrap().to_owned();
    (text("grant"), text("credential"))
}
