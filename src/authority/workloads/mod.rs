//! Workloads: who a machine is here, by the identity that it already has.

pub mod bootstrap;
pub mod enrolment;
pub mod keys;
pub mod mapping;
pub mod signed_request;
pub mod token;
pub mod trusted;
