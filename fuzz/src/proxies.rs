//! What balancers and proxies say of their clients: the header before a connection, and those of a request.

use std::net::IpAddr;

use jit::platform::{
    forwarded::{self, Node},
    proxy_header::{Decoded, decode},
};

use crate::ground::text;

/// A connection's first bytes, read as a server reads them: no more at once than is asked for.
pub(crate) fn proxy_header(data: &[u8]) {
    let mut taken = 0;
    loop {
        let Some(read) = data.get(..taken) else {
            return;
        };
        match decode(read) {
            Ok(Decoded::Incomplete(more)) => {
                assert!(more > 0, "it asks for nothing");
                taken += more;
            }
            Ok(Decoded::Client(address)) => {
                assert_eq!(address, address.to_canonical());
                // What was read is all that decides.
                let longer = [read, b"more"].concat();
                assert_eq!(decode(&longer), Ok(Decoded::Client(address)));
                return;
            }
            Ok(Decoded::Own) | Err(_) => return,
        }
    }
}

/// The headers of a request, a line each.
pub(crate) fn forwarded(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for nodes in [
        forwarded::forwarded(text.lines()),
        forwarded::x_forwarded_for(text.lines()),
    ] {
        let Ok(nodes) = nodes else { continue };
        let is_proxy = |address: IpAddr| address.is_loopback();
        if let Ok(Some(client)) = forwarded::client(&nodes, is_proxy) {
            // Nothing that stands before the client's own entry was believed.
            let at = nodes
                .iter()
                .rposition(|node| *node == Node::Address(client));
            let mut behind = nodes.iter().skip(at.expect("an entry") + 1);
            assert!(behind.all(|node| matches!(node, Node::Address(near) if near.is_loopback())));
        }
    }
}
