//! What an authority remembers: the ledger, the elevations and the sealed signing keys, in SQLite.

mod broken;
pub mod chain;
pub mod elevations;
pub mod inspect;
pub mod keys;
pub mod ledger;
pub mod open;

pub use open::Store;
