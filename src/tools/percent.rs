//! Percent-encoding (RFC 3986, section 2.1), as the URLs of ssh and of libpq have it.

/// Undoes the percent-encoding; `None` where it is broken or holds a zero byte.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(
            u8::try_from(high * 16 + low)
                .ok()
                .filter(|byte| *byte > 0)?,
        );
    }
    String::from_utf8(bytes).ok()
}
