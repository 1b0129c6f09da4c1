//! A certificate authority and a server certificate for loopback, made for one server.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Where the files of a server's identity are, all PEM.
pub(crate) struct Tls {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Tls {
    /// Makes an identity for `localhost` and 127.0.0.1 in `dir`.
    pub(crate) fn for_loopback(dir: &Path) -> Self {
        let issuer = authority("jit tests' server authority");
        let key = KeyPair::generate().expect("key");
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("names");
        params
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        let certificate = params.signed_by(&key, &issuer).expect("certificate");
        let made = Self {
            authority: dir.join("ca.crt"),
            certificate: dir.join("server.crt"),
            key: dir.join("server.key"),
        };
        fs::write(&made.authority, issuer.pem()).expect("ca.crt");
        fs::write(&made.certificate, certificate.pem()).expect("server.crt");
        fs::write(&made.key, key.serialize_pem()).expect("server.key");
        made
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("key")).expect("authority")
}
