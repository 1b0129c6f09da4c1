//! What the tests stand on: real servers on loopback, a sandboxed home, and loud skips.

pub(crate) mod daemon;
pub(crate) mod failover;
pub(crate) mod fake;
pub(crate) mod forwarder;
pub(crate) mod held;
pub(crate) mod home;
pub(crate) mod http;
pub(crate) mod issuer;
pub(crate) mod jwt;
pub(crate) mod kubernetes;
pub(crate) mod moto;
pub(crate) mod openid;
pub(crate) mod postgres;
pub(crate) mod pty;
pub(crate) mod replicas;
pub(crate) mod serve;
pub(crate) mod skip;
pub(crate) mod sshd;
pub(crate) mod story;
pub(crate) mod stranger;
pub(crate) mod tls;
pub(crate) mod typist;
pub(crate) mod wait;
pub(crate) mod web;
pub(crate) mod whereabouts;

pub(crate) use failover::Failover;
pub(crate) use home::{Home, run};
pub(crate) use kubernetes::Kube;
pub(crate) use moto::Moto;
pub(crate) use openid::Openid;
pub(crate) use postgres::{Access, Postgres};
pub(crate) use replicas::Replicas;
pub(crate) use serve::Serve;
pub(crate) use sshd::{Sshd, client_config};
pub(crate) use wait::until;
