//! What goes over the wire between a client and a server: bodies, paths and problems, shared by both.

pub mod approval;
pub mod catalogue;
pub mod checkpoint;
pub mod delegation;
pub mod elevation;
pub mod enrolment;
pub mod entitlement;
pub mod event;
pub mod health;
pub mod path;
pub mod principal;
pub mod problem;
pub mod session;
pub mod subject;
pub mod token;
pub mod trust;
