//! The certificate and key that `[tls]` of server.toml names.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rustls::{
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use super::ground::Ground;
use crate::{
    config::server::{Server, tls::Place},
    domain::{
        failure::{Failure, Result},
        time::Timestamp,
    },
    platform::{files, secret, terminal, tls},
};

/// How long before its end a certificate is warned of.
const SOON: Duration = Duration::from_hours(24 * 14);

/// The files of a certificate that somebody else made.
#[derive(Clone, Debug)]
pub(super) struct CertificateFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    /// Whether the key is one that systemd handed over: then its mode says nothing.
    is_credential: bool,
}

impl CertificateFiles {
    /// The files that `server.toml` names; none where the server makes a certificate of its own.
    pub(super) fn of(
        (directory, ground): (&Path, &Ground<'_>),
        config: &Server,
    ) -> Result<Option<Self>> {
        let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) else {
            return Ok(None);
        };
        let path = |place: &Place| match place {
            Place::File(path) => Ok(directory.join(path)),
            Place::Credential(name) => secret::credential_path(name, ground.environment),
        };
        Ok(Some(Self {
            certificate: path(certificate)?,
            key: path(key)?,
            is_credential: matches!(key, Place::Credential(_)),
        }))
    }

    /// The certificate with its chain and its key. Warns where clients of that URL will refuse it.
    ///
    /// # Errors
    /// They are not there, can be read by others, or do not belong together.
    pub(super) fn load(&self, url: &str, now: Timestamp) -> Result<CertifiedKey> {
        let loaded = self.read()?;
        self.warn(&loaded, url, now);
        Ok(loaded)
    }

    fn read(&self) -> Result<CertifiedKey> {
        let Self {
            certificate,
            key,
            is_credential,
        } = self;
        let broken = |file: &Path, what: &str| {
            Failure::failed(format!("{} holds no {what}", file.display()))
                .hint("[tls] in server.toml names a certificate and its key, both PEM")
        };
        let absent = |file: &Path| {
            Failure::failed(format!("{} is not there", file.display()))
                .hint("correct [tls] in server.toml, or leave it out for a certificate of its own")
        };
        let text = files::read(certificate)?.ok_or_else(|| absent(certificate))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.map_err(|error| broken(certificate, "certificate").because(&error))?;
        let secret = if *is_credential {
            files::read(key)?
        } else {
            secret::read_file(key)?
        };
        let secret = Zeroizing::new(secret.ok_or_else(|| absent(key))?);
        let private =
            PrivateKeyDer::from_pem_slice(&secret).map_err(|_| broken(key, "private key"))?;
        CertifiedKey::from_der(chain, private, &default_provider()).map_err(|error| {
            broken(certificate, &format!("certificate for {}", key.display())).because(&error)
        })
    }

    /// Warns where clients will refuse the certificate for that URL, now or soon.
    pub(super) fn warn(&self, shown: &CertifiedKey, url: &str, now: Timestamp) {
        let name = host(url);
        let file = self.certificate.display();
        if let Some(why) = tls::refused_by_clients(&shown.cert, name, now) {
            terminal::report(&format!(
                "jit: every client of {url} will refuse the certificate in {file}: {why}\n\
                 hint: put a newer one there, or correct url in server.toml; it is taken without a restart"
            ));
        } else if let Some(why) = tls::refused_by_clients(&shown.cert, name, now.after(SOON)) {
            terminal::report(&format!(
                "jit: clients of {url} will soon refuse the certificate in {file}: {why}\n\
                 hint: put a newer one there; it is taken without a restart"
            ));
        }
    }
}

/// The host of a URL of a server, without its port.
pub(super) fn host(url: &str) -> &str {
    let host = url.trim_start_matches("https://");
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split([':', '/']).next().unwrap_or(host),
    }
}
