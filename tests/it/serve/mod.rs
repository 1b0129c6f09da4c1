//! `jit serve`: the real process behind real TLS, from outside.

mod agents;
mod api;
mod approvals;
mod audit;
mod budgets;
mod chaos;
mod client;
mod confusion;
mod elevations;
mod ending;
mod health;
mod limits;
mod list;
mod member;
mod metrics;
mod once;
mod principals;
mod problems;
mod proxies;
mod reload;
mod replicas;
mod schema;
mod seen;
mod strangers;
mod together;
mod unprivileged;
