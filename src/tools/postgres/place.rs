//! Where a server of the catalogue is: host and port.

/// PostgreSQL's own port.
pub const PORT: u16 = 5432;

/// A catalogue's `host` or `host:port`, `[address]:port` or `/directory`.
pub fn place(text: &str) -> (&str, u16) {
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        let port = rest.strip_prefix(':').and_then(|port| port.parse().ok());
        return (address, port.unwrap_or(PORT));
    }
    match text.split_once(':') {
        // More than one colon is an address without brackets.
        Some((host, port)) => match port.parse() {
            Ok(port) => (host, port),
            Err(_) => (text, PORT),
        },
        None => (text, PORT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_names_host_and_port() {
        for (text, read) in [
            ("db", ("db", 5432)),
            ("db:5433", ("db", 5433)),
            ("[::1]:5433", ("::1", 5433)),
            ("::1", ("::1", 5432)),
            ("/run/postgresql:5433", ("/run/postgresql", 5433)),
            ("db:x", ("db:x", 5432)),
        ] {
            assert_eq!(place(text), read, "{text}");
        }
    }
}
