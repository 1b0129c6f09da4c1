//! For whom a proxy forwards a request: `Forwarded` (RFC 7239) and `X-Forwarded-For`. The last entry is the
//! nearest proxy's; each entry before it is believed only where whoever wrote the one behind it is.

use std::net::{IpAddr, SocketAddr};

/// For whom one proxy forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// That address.
    Address(IpAddr),
    /// The proxy does not say, or hides it.
    Unknown,
}

/// The header is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The entries of the `X-Forwarded-For` headers of a request, the nearest proxy's last.
///
/// # Errors
/// An entry is neither an address nor `unknown`.
pub fn x_forwarded_for<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Node>, Malformed> {
    let entries = lines.flat_map(|line| line.split(','));
    entries.map(|entry| node(entry.trim())).collect()
}

/// The `for` of each element of the `Forwarded` headers of a request, the nearest proxy's last.
///
/// # Errors
/// A header does not have the form of RFC 7239, or an element has two `for`.
pub fn forwarded<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Node>, Malformed> {
    let mut nodes = Vec::new();
    for line in lines {
        let mut rest = line.trim();
        loop {
            let (read, behind) = element(rest)?;
            nodes.push(read);
            match behind.strip_prefix(',') {
                Some(next) => rest = next.trim_start(),
                None if behind.is_empty() => break,
                None => return Err(Malformed),
            }
        }
    }
    Ok(nodes)
}

/// The client: the last entry that no trusted proxy stands behind. `None` where there is no entry, or all are of
/// trusted proxies.
///
/// # Errors
/// A trusted proxy does not say for whom it forwards.
pub fn client(
    nodes: &[Node],
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Result<Option<IpAddr>, Malformed> {
    for node in nodes.iter().rev() {
        match node {
            Node::Address(address) if is_trusted(*address) => {}
            Node::Address(address) => return Ok(Some(*address)),
            Node::Unknown => return Err(Malformed),
        }
    }
    Ok(None)
}

/// One element of `Forwarded`, and what is behind it: pairs with semicolons between them.
fn element(text: &str) -> Result<(Node, &str), Malformed> {
    let mut found = None;
    let mut rest = text;
    loop {
        let (name, behind) = token(rest).ok_or(Malformed)?;
        let behind = behind.strip_prefix('=').ok_or(Malformed)?;
        let (value, behind) = value(behind).ok_or(Malformed)?;
        if name.eq_ignore_ascii_case("for") {
            if found.is_some() {
                return Err(Malformed);
            }
            found = Some(node(&value)?);
        }
        let behind = behind.trim_start();
        match behind.strip_prefix(';') {
            Some(next) => rest = next.trim_start(),
            None => return Ok((found.unwrap_or(Node::Unknown), behind)),
        }
    }
}

/// A token (RFC 9110, section 5.6.2), and what is behind it.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (token, rest) = text.split_at_checked(end)?;
    (!token.is_empty()).then_some((token, rest))
}

/// A token or a quoted string, without its quotes, and what is behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(token, rest)| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`, `unknown`, `_hidden`.
fn node(text: &str) -> Result<Node, Malformed> {
    if text.eq_ignore_ascii_case("unknown") || text.starts_with('_') {
        return Ok(Node::Unknown);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address: Option<IpAddr> = address.or_else(with_port);
    let address = address.ok_or(Malformed)?;
    Ok(Node::Address(address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn address(text: &str) -> Node {
        Node::Address(text.parse().unwrap())
    }

    fn read(line: &str) -> Result<Vec<Node>, Malformed> {
        forwarded([line].into_iter())
    }

    #[test]
    fn the_examples_of_rfc_7239_are_read() {
        assert_eq!(read("for=\"_gazonk\""), Ok(vec![Node::Unknown]));
        assert_eq!(
            read("For=\"[2001:db8:cafe::17]:4711\""),
            Ok(vec![address("2001:db8:cafe::17")])
        );
        assert_eq!(
            read("for=192.0.2.60;proto=http;by=203.0.113.43"),
            Ok(vec![address("192.0.2.60")])
        );
        assert_eq!(
            read("for=192.0.2.43, for=198.51.100.17"),
            Ok(vec![address("192.0.2.43"), address("198.51.100.17")])
        );
        assert_eq!(read("proto=https;by=_x"), Ok(vec![Node::Unknown]));
        let lines = ["for=192.0.2.43, for=\"[2001:db8::1]\"", "for=unknown"];
        assert_eq!(
            forwarded(lines.into_iter()),
            Ok(vec![
                address("192.0.2.43"),
                address("2001:db8::1"),
                Node::Unknown
            ])
        );
        assert_eq!(
            read("for=\"192.0.2.1:1\\2\""),
            Ok(vec![address("192.0.2.1")])
        );
    }

    #[test]
    fn what_has_another_form_is_malformed() {
        for line in [
            "",
            "for",
            "for=",
            "for=192.0.2.1,",
            ",for=192.0.2.1",
            "for=\"192.0.2.1",
            "for=2001:db8::1",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1 by=x",
            "for =192.0.2.1",
            "for=example.com",
            "for=192.0.2.1;",
            "=192.0.2.1",
            "for=\"\\",
        ] {
            assert_eq!(read(line), Err(Malformed), "{line:?}");
        }
        for line in [
            "",
            "192.0.2.1,",
            "192.0.2.1 192.0.2.2",
            "example.com",
            "192.0.2.1:x",
        ] {
            assert_eq!(
                x_forwarded_for([line].into_iter()),
                Err(Malformed),
                "{line:?}"
            );
        }
    }

    #[test]
    fn the_client_is_whoever_the_outermost_trusted_proxy_saw() {
        let is_proxy = |address: IpAddr| address.to_string().starts_with("10.");
        let of = |line: &str| client(&x_forwarded_for([line].into_iter()).unwrap(), is_proxy);
        let found = |text: &str| Ok(Some(text.parse().unwrap()));
        assert_eq!(of("203.0.113.9"), found("203.0.113.9"));
        // What the client wrote itself stands before what the proxies wrote.
        assert_eq!(of("10.0.0.1, 1.1.1.1, 203.0.113.9"), found("203.0.113.9"));
        assert_eq!(of("1.1.1.1, 203.0.113.9, 10.0.0.2"), found("203.0.113.9"));
        assert_eq!(of("unknown, 203.0.113.9, 10.0.0.2"), found("203.0.113.9"));
        assert_eq!(of("203.0.113.9, unknown"), Err(Malformed));
        assert_eq!(of("10.0.0.3, 10.0.0.2"), Ok(None));
        assert_eq!(client(&[], is_proxy), Ok(None));
    }

    proptest! {
        #[test]
        fn nothing_panics(lines in vec(".{0,80}", 0..4), plain in "(for|by)=[\"\\[\\]0-9a-f:._;, =\\\\]{0,40}") {
            let lines = || lines.iter().map(String::as_str).chain([plain.as_str()]);
            drop(forwarded(lines()));
            drop(x_forwarded_for(lines()));
        }
    }
}
