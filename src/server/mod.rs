//! The HTTP face of an authority: `jit serve`. Every route is in `routes.rs`.

mod anchor;
mod authenticate;
mod backup;
mod body;
mod checkpoints;
mod elevations;
mod gate;
pub mod ground;
mod health;
mod limits;
mod listen;
mod open;
mod operator;
mod problem;
mod restore;
mod rotate;
mod routes;
pub mod serve;
mod session;
mod shared;
mod tls;
