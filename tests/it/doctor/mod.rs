//! `jit doctor` on this machine and against real targets, healthy ones and ailing ones.

mod own;
mod targets;

use serde_json::Value;

use crate::support::{
    home::{Home, Ran, run},
    web::POLICIES,
};

/// A home with this catalogue, and policies for each tier.
fn home(catalogue: &str) -> Home {
    let home = Home::new();
    home.configure("authority.toml", catalogue);
    home.configure("policies/all.cedar", POLICIES);
    home
}

fn jit(home: &Home, args: &[&str]) -> Ran {
    run(&mut home.jit(args))
}

/// What doctor found, one object a line.
fn findings(ran: &Ran) -> Vec<Value> {
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{ran:?}")))
        .collect()
}

/// What it found of that check about that subject: `level: says`, a line each.
#[track_caller]
fn says(ran: &Ran, check: &str, subject: &str) -> String {
    let found = findings(ran);
    let about = found
        .iter()
        .filter(|one| one["check"] == check && one["subject"] == subject);
    let line = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("level"), text("says"))
    };
    about.map(line).collect::<Vec<_>>().join("\n")
}

/// What it advised.
fn hints(ran: &Ran) -> String {
    let found = findings(ran);
    let hints = found.iter().filter_map(|one| one["hint"].as_str());
    hints.collect::<Vec<_>>().join("\n")
}
