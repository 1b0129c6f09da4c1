//! The words of `jit` as types: no I/O, no async, no clock.

pub mod catalogue;
pub mod checkpoint;
pub mod credential;
pub mod decision;
pub mod elevation;
pub mod entitlement;
pub mod environment;
pub mod event;
pub mod failure;
pub mod host;
pub mod id;
pub mod key;
pub mod lease;
pub mod position;
pub mod principal;
pub mod session;
pub mod time;
