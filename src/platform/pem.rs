//! Certificates in PEM (RFC 7468), and nothing else that such a file could bring.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

const LINE: usize = 64;

/// The certificates of a text; `None` where there is none, or what stands there is not one.
pub fn certificates(text: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    read.ok().filter(|read| !read.is_empty())
}

/// A certificate as everybody reads it.
pub fn written(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let mut lines = vec!["-----BEGIN CERTIFICATE-----"];
    let mut rest = text.as_str();
    while let Some((line, more)) = rest.split_at_checked(LINE) {
        lines.push(line);
        rest = more;
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines.push("-----END CERTIFICATE-----\n");
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_survives_its_text() {
        for length in [1, 48, 100] {
            let certificate = vec![7; length];
            let text = written(&certificate);
            assert!(text.lines().all(|line| line.len() <= LINE), "{text}");
            let read = certificates(text.as_bytes()).unwrap();
            assert_eq!(read[0].as_ref(), certificate);
        }
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        let key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
        for text in ["", "nonsense", key] {
            assert!(certificates(text.as_bytes()).is_none(), "{text:?}");
        }
    }
}
