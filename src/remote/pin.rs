//! The certificates that a server shows, for whoever is to decide whether to trust it. Nothing is sent
//! to it, and nothing is trusted here.

use std::{
    error, fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{link::address, trouble};
use crate::{
    domain::failure::{Failure, Result},
    platform::{http, keys, pem},
};

const PATIENCE: Duration = Duration::from_secs(10);

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(keys::sha256(certificate))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&keys::hex(&self.0))
    }
}

/// 64 hexadecimal digits; colons between them (as OpenSSL writes it) and `SHA256:` before them are
/// allowed.
impl FromStr for Fingerprint {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Failure::usage(format!("{text:?} is not the SHA-256 fingerprint of a certificate"))
                .hint("write its 64 hexadecimal digits: openssl x509 -in ca.crt -noout -fingerprint -sha256")
        };
        let digits = text
            .get(..7)
            .filter(|start| start.eq_ignore_ascii_case("sha256:"));
        let digits = digits.map_or(text, |start| &text[start.len()..]);
        let digits: String = digits.chars().filter(|c| *c != ':').collect();
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair = digits.get(at * 2..at * 2 + 2).unwrap_or_default();
            let is_hex = pair.chars().all(|c| c.is_ascii_hexdigit());
            *byte = u8::from_str_radix(pair, 16)
                .ok()
                .filter(|_| is_hex)
                .ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

/// What a server shows: its certificate and those that vouch for it, the nearest first.
#[derive(Clone, Debug)]
pub struct Chain(Vec<CertificateDer<'static>>);

impl Chain {
    /// The fingerprint of the one that vouches for all others.
    pub fn top(&self) -> Option<Fingerprint> {
        self.0.last().map(Fingerprint::of)
    }

    /// The fingerprints of all.
    pub fn all(&self) -> Vec<String> {
        let all = self.0.iter();
        all.map(|one| Fingerprint::of(one).to_string()).collect()
    }

    /// Whether the server shows its own certificate alone, so that nothing is known of its authority.
    pub fn is_bare(&self) -> bool {
        self.0.len() < 2
    }

    /// The certificate of that fingerprint, PEM.
    pub fn pem(&self, wanted: Fingerprint) -> Option<String> {
        let found = self.0.iter().find(|one| Fingerprint::of(one) == wanted);
        found.map(|found| pem::written(found))
    }
}

/// What the server at that URL shows.
///
/// # Errors
/// It cannot be reached, or shows nothing.
pub async fn look(server: &str) -> Result<Chain> {
    let url = address(server)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let seen = Arc::new(Seen {
        schemes: provider
            .signature_verification_algorithms
            .supported_schemes(),
        chain: Mutex::default(),
    });
    let broken = |error: &(dyn error::Error + 'static)| {
        Failure::failed(format!("the server {server} cannot be spoken to over TLS")).because(error)
    };
    let verifier: Arc<dyn ServerCertVerifier> = Arc::clone(&seen) as _;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let client = http::client(&url, PATIENCE)
        .tls_backend_preconfigured(config)
        .build()
        .map_err(|error| broken(&error))?;
    // Its certificate is refused, so that no request leaves.
    let refused = client.get(url).send().await;
    let chain = seen
        .chain
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    match refused {
        Err(error) if chain.is_empty() => Err(trouble::of(server, error, PATIENCE).failure),
        _ if chain.is_empty() => Err(Failure::failed(format!(
            "the server {server} shows no certificate"
        ))
        .hint("write its address as https://HOST or https://HOST:PORT")),
        _ => Ok(Chain(chain)),
    }
}

/// Keeps what a server shows, and trusts none of it.
#[derive(Debug)]
struct Seen {
    schemes: Vec<SignatureScheme>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = [own].into_iter().chain(others);
        let chain = all.map(|one| one.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = chain;
        Err(refused())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(refused())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(refused())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

const fn refused() -> Error {
    Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_openssl_writes_it() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        for text in [
            plain.clone(),
            colons.clone(),
            format!("SHA256:{plain}"),
            format!("sha256:{colons}"),
        ] {
            assert_eq!(text.parse::<Fingerprint>().unwrap().to_string(), plain);
        }
        for text in [
            "",
            "ab",
            &"g".repeat(64),
            &"+1".repeat(32),
            &"é".repeat(32),
            &plain[1..],
        ] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,80}") {
            let _read = text.parse::<Fingerprint>();
        }
    }
}
