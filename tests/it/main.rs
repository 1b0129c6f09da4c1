//! Every test against the real thing, in one binary: linking is what tests cost.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::absolute_paths,
    clippy::large_futures,
    reason = "a test may fail, and is the outside world that reads the environment and writes files; its \
              futures are made once, and what it names once it names where it stands"
)]

mod audit;
mod aws_hook;
mod bad_input;
mod break_glass;
mod cache;
mod clock;
mod completions;
mod databases;
mod demo;
mod doctor;
mod exec;
mod file_systems;
mod floors;
mod forget;
mod help;
mod hints;
mod identities;
mod init;
mod injected;
mod install;
mod issuers;
mod kubernetes_hook;
mod ledger;
mod manual;
mod notice;
mod other_users;
mod people;
mod review;
mod revoke;
mod serve;
mod servers;
mod setup;
mod shell;
mod ssh_setup;
mod ssh_tools;
mod store;
mod support;
mod targets;
mod terminal;
mod threats;
mod token;
mod votes;
mod warm;
mod workloads;
