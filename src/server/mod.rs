//! The HTTP face of an authority: `jit serve`. Every route is in `routes.rs`.

mod authenticate;
mod body;
mod elevations;
mod gate;
pub mod ground;
mod health;
mod issuer;
mod limits;
mod listen;
mod open;
mod problem;
mod routes;
pub mod serve;
mod session;
mod shared;
mod tls;
