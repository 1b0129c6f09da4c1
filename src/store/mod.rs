//! What an authority remembers: the ledger, the elevations, the sessions and the sealed signing keys, in
//! SQLite or PostgreSQL.

mod broken;
pub mod chain;
pub mod database;
pub mod elevations;
pub mod identities;
pub mod inspect;
pub mod keys;
pub mod ledger;
mod migrate;
pub mod open;
pub mod sessions;
pub mod spent;
pub mod steps;

pub use open::Store;
