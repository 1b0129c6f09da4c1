//! `jit serve`: the real process behind real TLS, from outside.

mod elevations;
mod ending;
