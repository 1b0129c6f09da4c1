//! `[proxy]` of `server.toml`: load balancers and proxies in front of the server, and how they say who the client is.

use serde::Deserialize;

use crate::{
    config::check::fault::{Checked, Fault},
    domain::network::Network,
};

/// `[proxy]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// The networks that they connect from. What they say of a client is believed, and nobody else's word.
    pub networks: Vec<Network>,
    /// How they say who the client is.
    pub client: ClientSource,
    /// Whether they may end TLS and speak plain HTTP/1.1 to this server.
    #[serde(default)]
    pub plain_http: bool,
}

/// How a proxy says who the client is. It is one way and no other: a proxy that writes one header passes on what a
/// client wrote into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientSource {
    /// A PROXY header before each connection, of version 1 or 2.
    ProxyProtocol,
    /// `Forwarded` in each request (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For` in each request.
    XForwardedFor,
}

/// Refuses proxies from nowhere, and from everywhere.
pub(super) fn check(proxy: &Proxy) -> Checked {
    if proxy.networks.is_empty() {
        return Err(Fault::new(
            ["proxy", "networks"],
            "no proxy is trusted by an empty list",
            "name the networks that they connect from, or leave [proxy] out",
        ));
    }
    let everybody = proxy.networks.iter().find(|network| network.is_everybody());
    everybody.map_or(Ok(()), |network| {
        Err(Fault::new(
            ["proxy", "networks"],
            format!("with {network} every client could say that it is another one"),
            "name the networks that only proxies connect from",
        ))
    })
}
