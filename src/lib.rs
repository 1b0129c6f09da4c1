//! The map of `jit`: access exactly when a task needs it, taken away again by itself.
//!
//! Floors, from the ground; a file imports lower floors only (`tests/it/floors.rs` keeps this):
//!
//! | floor | rooms |
//! |---|---|
//! | 5 | [`cli`]: the grammar, one enum and one match |
//! | 4 | [`app`]: the client's verbs, one file each; [`server`]: the HTTP face |
//! | 3 | [`authority`]: decide → record → issue; [`remote`]: the same calls over HTTP |
//! | 2 | [`issuers`], [`store`], [`policy`], [`verify`] of the authority; [`cache`], [`config`], [`tools`] of the client |
//! | 1 | [`platform`]: files, process, terminal, clock, keys; [`protocol`]: what goes over the wire |
//! | 0 | [`domain`]: the words, as types; no I/O, no async |

pub mod app;
pub mod authority;
pub mod cache;
pub mod cli;
pub mod config;
pub mod domain;
pub mod issuers;
pub mod platform;
pub mod policy;
pub mod protocol;
pub mod remote;
pub mod server;
pub mod store;
pub mod tools;
pub mod verify;
