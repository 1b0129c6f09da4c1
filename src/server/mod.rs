//! The HTTP face of an authority: `jit serve`. Every route is in `routes.rs`.

mod authenticate;
mod body;
mod elevations;
mod enrolments;
mod gate;
pub mod ground;
mod health;
mod limits;
mod listen;
mod open;
mod problem;
mod routes;
mod seen;
pub mod serve;
mod session;
mod shared;
mod sign_in;
mod tls;
mod token;
