//! The HTTP face of an authority: `jit serve`. Every route is in `routes.rs`.

mod authenticate;
mod body;
mod elevations;
mod events;
mod gate;
pub mod ground;
mod health;
mod limits;
mod listen;
mod metrics;
mod once;
mod open;
mod openapi;
mod problem;
mod query;
mod resources;
mod routes;
pub mod serve;
mod session;
mod shared;
mod tell;
mod tls;
mod trust;
