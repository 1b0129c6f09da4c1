//! The words of `jit` as types: no I/O, no async, no clock.

pub mod catalogue;
pub mod checkpoint;
pub mod credential;
pub mod decision;
pub mod elevation;
pub mod enrolment;
pub mod entitlement;
pub mod environment;
pub mod event;
pub mod failure;
pub mod host;
pub mod id;
pub mod key;
pub mod known;
pub mod lease;
pub mod lifecycle;
pub mod once;
pub mod position;
pub mod principal;
pub mod secret_reference;
pub mod session;
pub mod template;
pub mod time;
pub mod vote;
pub mod way;
pub mod workload;
