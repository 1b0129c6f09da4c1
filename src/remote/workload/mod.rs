//! The identity that a machine already has, found where it runs and presented to a server.

pub mod aws;
pub mod found;
pub mod github;
pub mod present;
