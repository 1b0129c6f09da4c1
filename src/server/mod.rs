//! The HTTP face of an authority: `jit serve`. Every route is in `routes.rs`.

mod anchor;
mod authenticate;
mod backup;
mod body;
mod checkpoints;
mod elevations;
mod enrolments;
mod gate;
pub mod ground;
mod health;
mod issuer;
mod limits;
mod listen;
mod open;
mod operator;
mod problem;
mod restore;
mod rotate;
mod routes;
mod seen;
pub mod serve;
mod session;
mod shared;
mod sign_in;
mod tls;
mod token;
