//! A certificate authority and a server certificate for loopback, made for one server.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A name that no resolver knows (RFC 6761).
const ELSEWHERE: &str = "kube.invalid";

/// Where the files of a server's identity are, all PEM.
pub(crate) struct Tls {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// The name that its certificate has, where that is not `localhost` and 127.0.0.1.
    pub(crate) other_name: Option<&'static str>,
}

impl Tls {
    /// Makes an identity for `localhost` and 127.0.0.1 in `dir`.
    pub(crate) fn for_loopback(dir: &Path) -> Self {
        Self::changed(dir, &["localhost", "127.0.0.1"], |_| {})
    }

    /// The same for these names, with what `change` makes of the certificate.
    pub(crate) fn changed(
        dir: &Path,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let issuer = authority("jit tests' server authority");
        let key = KeyPair::generate().expect("key");
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names");
        change(&mut params);
        params
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        let certificate = params.signed_by(&key, &issuer).expect("certificate");
        let made = Self {
            authority: dir.join("ca.crt"),
            certificate: dir.join("server.crt"),
            key: dir.join("server.key"),
            other_name: None,
        };
        fs::write(&made.authority, issuer.pem()).expect("ca.crt");
        fs::write(&made.certificate, certificate.pem()).expect("server.crt");
        fs::write(&made.key, key.serialize_pem()).expect("server.key");
        made
    }

    /// Makes a certificate that is its own authority, as `openssl req -new -x509` does.
    pub(crate) fn self_signed(dir: &Path) -> Self {
        Self::self_signed_for(dir, &["localhost", "127.0.0.1"])
    }

    /// The same for a name that leads nowhere.
    pub(crate) fn self_signed_elsewhere(dir: &Path) -> Self {
        Self {
            other_name: Some(ELSEWHERE),
            ..Self::self_signed_for(dir, &[ELSEWHERE])
        }
    }

    fn self_signed_for(dir: &Path, names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params
            .distinguished_name
            .push(DnType::CommonName, "a self-signed server");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("certificate").pem();
        let made = Self {
            authority: dir.join("ca.crt"),
            certificate: dir.join("server.crt"),
            key: dir.join("server.key"),
            other_name: None,
        };
        fs::write(&made.authority, &certificate).expect("ca.crt");
        fs::write(&made.certificate, &certificate).expect("server.crt");
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
