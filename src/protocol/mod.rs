//! What goes over the wire between a client and a server: bodies, paths and problems, shared by both.

pub mod catalogue;
pub mod checkpoint;
pub mod elevation;
pub mod enrolment;
pub mod event;
pub mod path;
pub mod problem;
pub mod session;
pub mod subject;
pub mod token;
pub mod trust;
