//! `jit serve`: the real process behind real TLS, from outside.

mod api;
mod chaos;
mod client;
mod elevations;
mod ending;
mod limits;
mod once;
mod problems;
mod schema;
mod strangers;
