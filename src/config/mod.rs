//! What a person writes, read strictly: `config.toml`, `authority.toml`, `policies/*.cedar`; and
//! what the process is surrounded by.

pub mod account;
pub mod authority;
pub mod binding;
mod check;
pub mod client;
pub mod edit;
pub mod names;
pub mod places;
pub mod policies;
pub mod references;
pub mod served;
pub mod server;
mod spot;
pub mod surroundings;
