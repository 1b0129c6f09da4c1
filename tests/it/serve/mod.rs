//! `jit serve`: the real process behind real TLS, from outside.

mod client;
mod elevations;
mod ending;
