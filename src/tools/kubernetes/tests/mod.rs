//! kubectl and its kin, from a command line to an entitlement and to a launch.

mod desk;
mod launch;
mod plugin;
mod recognise;
