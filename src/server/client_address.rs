//! From where a request comes, also where a trusted proxy stands in between.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, header::FORWARDED};

use crate::{
    config::server::proxy::{ClientSource, Proxy},
    platform::forwarded::{self, Malformed, Node},
};

/// `X-Forwarded-For`, which is no standard.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request came from; in its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// A trusted proxy did not say for whom it forwards; in a request's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnreadableClient;

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A client's: its own connection, or one that a balancer passes on for it.
    Client(IpAddr),
    /// A proxy's own: requests of many clients come in it, or its health checks.
    Proxy(IpAddr),
}

impl Origin {
    pub(super) const fn address(self) -> IpAddr {
        match self {
            Self::Client(address) | Self::Proxy(address) => address,
        }
    }
}

/// Whether an address is one of the proxies'.
pub(super) fn is_trusted(proxy: Option<&Proxy>, address: IpAddr) -> bool {
    let networks = proxy.into_iter().flat_map(|proxy| &proxy.networks);
    networks
        .into_iter()
        .any(|network| network.contains(address))
}

/// The client of a request, by the header that the proxies write; the proxy itself where there is none. Headers of
/// whoever is no trusted proxy are not looked at.
pub(super) fn client(
    proxy: Option<&Proxy>,
    origin: Origin,
    headers: &HeaderMap,
) -> Result<IpAddr, Malformed> {
    let (Origin::Proxy(own), Some(proxy)) = (origin, proxy) else {
        return Ok(origin.address());
    };
    let nodes = match proxy.client {
        ClientSource::ProxyProtocol => return Ok(own),
        ClientSource::Forwarded => forwarded::forwarded(lines(headers, &FORWARDED)?.into_iter()),
        ClientSource::XForwardedFor => {
            forwarded::x_forwarded_for(lines(headers, &X_FORWARDED_FOR)?.into_iter())
        }
    };
    let nodes: Vec<Node> = nodes?;
    let client = forwarded::client(&nodes, |address| is_trusted(Some(proxy), address))?;
    Ok(client.unwrap_or(own))
}

fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Vec<&'a str>, Malformed> {
    let lines = headers.get_all(name).iter();
    lines
        .map(|line| line.to_str().map_err(|_| Malformed))
        .collect()
}

/// A network as one client has it: an address of IPv4, or the /64 around one of IPv6.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_network() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn a_header_counts_where_a_trusted_proxy_wrote_it_and_no_other_header_does() {
        let proxy = |client| Proxy {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            client,
            plain_http: false,
        };
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED, "for=198.51.100.7".parse().unwrap());
        headers.insert(X_FORWARDED_FOR, "1.1.1.1, 203.0.113.9".parse().unwrap());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let of = |source, origin| client(Some(&proxy(source)), origin, &headers).unwrap();
        let near = Origin::Proxy(address("10.0.0.1"));
        assert_eq!(
            of(ClientSource::XForwardedFor, near),
            address("203.0.113.9")
        );
        assert_eq!(of(ClientSource::Forwarded, near), address("198.51.100.7"));
        assert_eq!(of(ClientSource::ProxyProtocol, near), address("10.0.0.1"));
        let direct = Origin::Client(address("192.0.2.1"));
        assert_eq!(
            of(ClientSource::XForwardedFor, direct),
            address("192.0.2.1")
        );
        assert_eq!(client(None, direct, &headers), Ok(address("192.0.2.1")));
        let none = HeaderMap::new();
        let source = proxy(ClientSource::XForwardedFor);
        assert_eq!(client(Some(&source), near, &none), Ok(address("10.0.0.1")));
    }
}
