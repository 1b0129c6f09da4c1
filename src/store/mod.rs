//! What an authority remembers: the ledger, the elevations, the sessions and the sealed signing keys, in
//! SQLite or PostgreSQL.

pub mod answers;
mod append;
pub mod audit;
pub mod backup;
mod broken;
pub mod chain;
pub mod checkpoints;
mod conditions;
pub mod counts;
pub mod database;
pub mod elevations;
pub mod ending;
pub mod enrolments;
mod group;
pub mod identities;
pub mod inspect;
mod invitations;
mod issuer_keys;
mod keychain;
pub mod keys;
pub mod ledger;
mod lines;
mod migrate;
pub mod open;
mod p256;
mod postgres;
pub mod principals;
mod probe;
mod rings;
pub mod rotate;
mod row;
pub mod sealing;
pub mod sessions;
pub mod spent;
mod sqlite;
mod statement;
pub mod steps;
mod tail;
mod turn;
mod unknown_names;
pub mod vouched;
mod writes;

pub use open::Store;
