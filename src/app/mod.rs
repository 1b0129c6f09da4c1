//! The client's verbs, one file each with its arguments beside it.

pub mod acquire;
pub mod agent;
pub mod audit;
pub mod complete;
pub mod completions;
pub mod credential_process;
pub mod demo;
pub mod embedded;
pub mod exec;
pub mod exec_credential;
pub mod forget;
pub mod init;
pub mod keep;
pub mod kept;
pub mod known_hosts;
pub mod man;
pub mod notice;
pub mod policy;
pub mod prompt;
pub mod request;
pub mod revoke;
pub mod session;
pub mod setup;
pub mod status;
pub mod tidy;
pub mod trust;
