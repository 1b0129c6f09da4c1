//! `jit doctor` on this machine and against real targets, healthy ones and ailing ones.

mod aws;
mod kubernetes;
mod own;
mod postgres;
mod ssh;
mod unreachable;

use std::process::Command;

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

fn doctor(home: &Home, args: &[&str]) -> Ran {
    run(&mut command(home, args))
}

fn command(home: &Home, args: &[&str]) -> Command {
    let mut command = home.jit(["doctor", "--json"]);
    command
        .args(args)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", home.path("aws-config"));
    command
}

/// Each event of the ledger: its kind and who asked.
fn story(home: &Home) -> Vec<String> {
    let listed = jit(home, &["audit", "--json"]);
    let line = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        let tool = event["origin"]["tool"].as_str().unwrap_or("-").to_owned();
        format!("{} by {tool}", event["kind"].as_str().unwrap())
    };
    listed.stdout.lines().map(line).collect()
}

/// What was asked for was given back, and nothing rests.
#[track_caller]
fn gave_back(home: &Home) {
    let told = ["granted by doctor", "issued by doctor", "revoked by doctor"];
    assert_eq!(story(home), told);
    assert_eq!(jit(home, &["status", "--json"]).stdout, "");
    assert_eq!(
        jit(home, &["revoke", "--all"]).stdout,
        "nothing to revoke\n"
    );
}
