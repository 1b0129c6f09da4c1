//! The header that a load balancer sends before a connection's own bytes: PROXY protocol, versions 1 and 2
//! (<https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What version 1 begins with.
const WORD: &[u8] = b"PROXY ";
/// The longest line of version 1, with its end.
const LONGEST_LINE: usize = 107;
/// The longest rest of version 2 that is read: addresses, and what a balancer tells beside them.
const LONGEST_REST: usize = 4096;
/// As many bytes as any header has at least.
const SHORTEST: usize = 15;

/// What a header says, as far as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// So many more bytes belong to it at least.
    Incomplete(usize),
    /// The connection is that client's.
    Client(IpAddr),
    /// The connection is the balancer's own (a health check), or not one of IP.
    Own,
}

/// The bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Reads a header from its first byte. Whoever reads no more bytes than [`Decoded::Incomplete`] asks for has
/// read none behind the header.
///
/// # Errors
/// It is no header of either version.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Malformed> {
    let begins = |word: &[u8]| bytes.iter().zip(word).all(|(one, other)| one == other);
    if !begins(&SIGNATURE) && !begins(WORD) {
        return Err(Malformed);
    }
    if bytes.len() < SHORTEST {
        return Ok(Decoded::Incomplete(SHORTEST - bytes.len()));
    }
    match bytes.strip_prefix(&SIGNATURE) {
        Some(rest) => binary(rest),
        None => line(bytes),
    }
}

/// Version 2, behind its signature.
fn binary(rest: &[u8]) -> Result<Decoded, Malformed> {
    let Some((&[command, family, high, low], addresses)) = rest.split_first_chunk() else {
        return Ok(Decoded::Incomplete(4 - rest.len()));
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_REST {
        return Err(Malformed);
    }
    if addresses.len() < length {
        return Ok(Decoded::Incomplete(length - addresses.len()));
    }
    let addresses = addresses.get(..length).ok_or(Malformed)?;
    match (command, family) {
        // LOCAL, whatever the addresses are: the balancer itself. Unspecified, as version 1's UNKNOWN.
        (0x20, _) | (0x21, 0x00) => Ok(Decoded::Own),
        // TCP over IPv4, and over IPv6: two addresses and two ports.
        (0x21, 0x11) if length >= 12 => {
            let source: [u8; 4] = *addresses.first_chunk().ok_or(Malformed)?;
            Ok(Decoded::Client(Ipv4Addr::from(source).into()))
        }
        (0x21, 0x21) if length >= 36 => {
            let source: [u8; 16] = *addresses.first_chunk().ok_or(Malformed)?;
            Ok(Decoded::Client(IpAddr::from(source).to_canonical()))
        }
        _ => Err(Malformed),
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` and CR LF.
fn line(bytes: &[u8]) -> Result<Decoded, Malformed> {
    let end = bytes.windows(2).position(|two| two == b"\r\n");
    let Some(end) = end.filter(|end| end + 2 <= LONGEST_LINE) else {
        // One byte at a time: what is behind the line is not the header's.
        return if end.is_none() && bytes.len() < LONGEST_LINE {
            Ok(Decoded::Incomplete(1))
        } else {
            Err(Malformed)
        };
    };
    let text = bytes.get(WORD.len()..end).ok_or(Malformed)?;
    let text = str::from_utf8(text).map_err(|_| Malformed)?;
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        ["UNKNOWN", ..] => Ok(Decoded::Own),
        ["TCP4", from, to, from_port, to_port] if is_port(from_port) && is_port(to_port) => {
            let [from, to]: [Option<Ipv4Addr>; 2] = [from, to].map(|text| text.parse().ok());
            let (from, _) = from.zip(to).ok_or(Malformed)?;
            Ok(Decoded::Client(from.into()))
        }
        ["TCP6", from, to, from_port, to_port] if is_port(from_port) && is_port(to_port) => {
            let [from, to]: [Option<Ipv6Addr>; 2] = [from, to].map(|text| text.parse().ok());
            let (from, _) = from.zip(to).ok_or(Malformed)?;
            Ok(Decoded::Client(IpAddr::from(from).to_canonical()))
        }
        _ => Err(Malformed),
    }
}

fn is_port(text: &str) -> bool {
    let is_plain = text == "0" || !text.starts_with('0');
    is_plain && text.bytes().all(|c| c.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Version 2 with that command, family and rest.
    fn binary_header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE, &[command, family][..], &length, rest].concat()
    }

    /// What is read where a stream gives as many bytes as are asked for; and how many that were.
    fn read(stream: &[u8]) -> (Result<Decoded, Malformed>, usize) {
        let mut taken = 0;
        loop {
            match decode(&stream[..taken]) {
                Ok(Decoded::Incomplete(more)) => {
                    assert!(more > 0);
                    taken += more;
                    if taken > stream.len() {
                        return (Err(Malformed), stream.len());
                    }
                }
                read => return (read, taken),
            }
        }
    }

    #[test]
    fn the_clients_address_is_read_and_no_byte_behind_the_header() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];
        let v6: Vec<u8> = "2001:db8::1"
            .parse::<Ipv6Addr>()
            .unwrap()
            .octets()
            .into_iter()
            .chain([0; 20])
            .collect();
        let told = [&v4[..], &[0x04, 0, 1, 0]].concat();
        for (header, address) in [
            (
                b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(),
                "192.0.2.1",
            ),
            (
                b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n".to_vec(),
                "2001:db8::1",
            ),
            (
                b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n".to_vec(),
                "192.0.2.1",
            ),
            (binary_header(0x21, 0x11, &v4), "192.0.2.1"),
            (binary_header(0x21, 0x11, &told), "192.0.2.1"),
            (binary_header(0x21, 0x21, &v6), "2001:db8::1"),
        ] {
            let stream = [&header, &b"\x16\x03\x01 more"[..]].concat();
            let client = Decoded::Client(address.parse().unwrap());
            assert_eq!(read(&stream), (Ok(client), header.len()), "{address}");
        }
        for header in [
            b"PROXY UNKNOWN\r\n".to_vec(),
            b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n".to_vec(),
            binary_header(0x20, 0x00, &[]),
            binary_header(0x20, 0x11, &v4),
            binary_header(0x21, 0x00, &[1, 2, 3]),
        ] {
            let stream = [&header, &b"more"[..]].concat();
            assert_eq!(read(&stream), (Ok(Decoded::Own), header.len()));
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];
        for stream in [
            b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaa".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n".to_vec(),
            b"PROXY  TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 056324 443\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1\n198.51.100.1 1 2\r\n".to_vec(),
            b"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n".to_vec(),
            [&b"PROXY TCP4 "[..], &[b'1'; 200], b"\r\n"].concat(),
            binary_header(0x21, 0x11, &v4[..11]),
            binary_header(0x21, 0x12, &v4),
            binary_header(0x21, 0x31, &[0; 216]),
            binary_header(0x11, 0x11, &v4),
            binary_header(0x22, 0x11, &v4),
            binary_header(0x21, 0x11, &[0; 5000]),
        ] {
            let shown = String::from_utf8_lossy(&stream).into_owned();
            assert_eq!(read(&stream).0, Err(Malformed), "{shown:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_every_question_for_more_ends(
            bytes in vec(any::<u8>(), 0..300), line in "PROXY (TCP4|TCP6|UNKNOWN)[ -~]{0,100}(\r\n)?",
            header in vec(any::<u8>(), 0..60),
        ) {
            for stream in [&bytes, line.as_bytes(), &[&SIGNATURE[..], &header].concat()] {
                let (read, taken) = read(stream);
                prop_assert!(read != Ok(Decoded::Incomplete(0)) && taken <= stream.len());
            }
        }
    }
}
