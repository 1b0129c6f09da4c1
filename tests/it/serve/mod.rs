//! `jit serve`: the real process behind real TLS, from outside.

mod api;
mod elevations;
mod ending;
mod limits;
mod once;
mod problems;
mod strangers;
