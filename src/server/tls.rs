//! The certificate that the server shows: the one that it was given, or one of a certificate authority
//! of its own.
//!
//! Its own authority is made once and kept in `state/tls`; clients pin that. The certificate below it is
//! made anew in each process and lives in memory only, so that there is none to forget to renew.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use time::{OffsetDateTime, macros::datetime};
use tokio::time::interval;
use tokio_rustls::TlsAcceptor;

use super::{
    certificate_files::{CertificateFiles, host},
    ground::Ground,
    open,
};
use crate::{
    config::server::Server,
    domain::{
        failure::{Failure, Result},
        lease::CLOCK_SKEW,
        time::Timestamp,
    },
    platform::{files, keys, lock::Lock, process, terminal},
};

/// How long a certificate of its own holds; it is replaced long before.
const TTL: Duration = Duration::from_hours(24 * 30);
/// How often it is looked whether there is a newer certificate, or should be.
const LOOK: Duration = Duration::from_mins(1);
/// How often it is warned that clients refuse the certificate.
const DAY: Duration = Duration::from_hours(24);
/// The authority is trusted by its own bytes, for as long as its key is kept.
const FROM: OffsetDateTime = datetime!(2020-01-01 00:00:00 UTC);
const FOR_EVER: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// What the server shows, and how it comes to a newer one.
pub(super) struct Identity {
    shown: Arc<Shown>,
    /// Its own authority, where it was given no certificate.
    pub(super) own: Option<OwnAuthority>,
    files: Mutex<Option<CertificateFiles>>,
    url: String,
}

/// A certificate authority of the server's own.
pub(super) struct OwnAuthority {
    /// Where its certificate is, for clients to pin.
    pub(super) file: PathBuf,
    /// SHA-256 of that certificate in DER, hexadecimal.
    pub(super) fingerprint: String,
    certificate: CertificateDer<'static>,
    key: String,
}

/// The certificate that handshakes are made with; replaced while they go on.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.read().ok().map(|shown| Arc::clone(&shown))
    }
}

/// A certificate that was read and is not shown yet.
pub(super) struct Renewed {
    given: CertificateFiles,
    certificate: CertifiedKey,
}

impl Identity {
    /// The certificate of `server.toml`, or one of its own for the host of `url` and this machine.
    ///
    /// # Errors
    /// The files are not there, can be read by others, or do not belong together.
    pub(super) fn open(
        (directory, ground): (&Path, &Ground<'_>),
        config: &Server,
        url: &str,
    ) -> Result<Self> {
        if let Some(given) = CertificateFiles::of((directory, ground), config)? {
            let shown = given.load(url, (ground.clock)())?;
            return Ok(Self {
                shown: Arc::new(Shown(RwLock::new(Arc::new(shown)))),
                own: None,
                files: Mutex::new(Some(given)),
                url: url.to_owned(),
            });
        }
        let state = open::places(directory, config).state;
        let own = OwnAuthority::open(&state.join("tls"))?;
        let made = own.certify(&names(url), (ground.clock)())?;
        Ok(Self {
            shown: Arc::new(Shown(RwLock::new(Arc::new(made)))),
            own: Some(own),
            files: Mutex::new(None),
            url: url.to_owned(),
        })
    }

    /// The certificate that `server.toml` names by now, read and checked but not shown yet; none where it is
    /// one of its own.
    ///
    /// # Errors
    /// As those of [`Identity::open`].
    pub(super) fn read_again(
        &self,
        (directory, ground): (&Path, &Ground<'_>),
        config: &Server,
    ) -> Result<Option<Renewed>> {
        if self.own.is_some() {
            return Ok(None);
        }
        let given = CertificateFiles::of((directory, ground), config)?;
        let renewed = given.map(|given| {
            let certificate = given.load(&self.url, (ground.clock)())?;
            Ok(Renewed { given, certificate })
        });
        renewed.transpose()
    }

    /// Shows it from now on; whether it is another one than before.
    pub(super) fn show(&self, renewed: Renewed) -> bool {
        let Renewed { given, certificate } = renewed;
        *self.files() = Some(given);
        let Ok(mut shown) = self.shown.0.write() else {
            return false;
        };
        let is_another = shown.cert != certificate.cert;
        *shown = Arc::new(certificate);
        is_another
    }

    fn files(&self) -> MutexGuard<'_, Option<CertificateFiles>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// TLS 1.3 and 1.2 with that certificate.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor> {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::failed("TLS cannot be set up").because(&error))?;
        let resolver = Arc::<Shown>::clone(&self.shown);
        let mut config = config.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Shows the newer certificate once there is one. Never ends.
    pub(super) async fn keep_fresh(&self, clock: fn() -> Timestamp) {
        let mut made_at = clock();
        let mut seen = self.stamp();
        let mut warned_at = made_at;
        let mut looks = interval(LOOK);
        loop {
            looks.tick().await;
            let now = clock();
            if now.left(warned_at) > DAY {
                warned_at = now;
                self.warn(now);
            }
            let newer = match &self.own {
                Some(own) if now.left(made_at) > TTL / 2 => {
                    made_at = now;
                    own.certify(&names(&self.url), now)
                }
                None if self.stamp() != seen => {
                    seen = self.stamp();
                    let files = self.files();
                    match files.as_ref().map(|files| files.load(&self.url, now)) {
                        Some(newer) => newer,
                        None => continue,
                    }
                }
                _ => continue,
            };
            match (newer, self.shown.0.write()) {
                (Ok(newer), Ok(mut shown)) => *shown = Arc::new(newer),
                // The old one is shown for as long as it holds.
                (Err(failure), _) => terminal::report(&format!("jit: {failure}")),
                (Ok(_), Err(_)) => {}
            }
        }
    }

    /// Warns where clients refuse the certificate that is shown, if it was given one.
    fn warn(&self, now: Timestamp) {
        if let (Some(files), Ok(shown)) = (self.files().as_ref(), self.shown.0.read()) {
            files.warn(&shown, &self.url, now);
        }
    }

    /// When the files were last written.
    fn stamp(&self) -> Vec<Option<SystemTime>> {
        let files = self.files();
        let files = files
            .iter()
            .flat_map(|given| [&given.certificate, &given.key]);
        files
            .map(|file| fs::metadata(file).and_then(|found| found.modified()).ok())
            .collect()
    }
}

/// The host of the URL, and this machine.
fn names(url: &str) -> Vec<String> {
    let mut names = vec![host(url).to_owned(), process::host_name()];
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names
}

impl OwnAuthority {
    /// The authority in that directory, made on first use.
    fn open(directory: &Path) -> Result<Self> {
        files::private_directory(directory)?;
        let _lock = Lock::acquire(&directory.join("lock"), || ())?;
        let (file, key_file) = (directory.join("ca.crt"), directory.join("ca.key"));
        let kept = match files::read_private(&key_file)? {
            Some(key) => files::read(&file)?.map(|certificate| (certificate, key)),
            None => None,
        };
        let (certificate, key) = match kept {
            Some(kept) => kept,
            None => make(&file, &key_file)?,
        };
        let broken = || {
            Failure::failed(format!(
                "{} holds no certificate authority",
                directory.display()
            ))
            .hint("restore it from a backup, since clients trust it; or move it away for a new one")
        };
        let certificate = CertificateDer::from_pem_slice(&certificate).map_err(|_| broken())?;
        Ok(Self {
            file,
            fingerprint: keys::hex(&keys::sha256(&certificate)),
            certificate,
            key: String::from_utf8(key).map_err(|_| broken())?,
        })
    }

    /// Its certificate, for targets that fetch keys from here.
    pub(super) fn pem(&self) -> Result<String> {
        files::read_text(&self.file)?.ok_or_else(|| {
            Failure::failed(format!("{} is not there any more", self.file.display()))
                .hint("restore it from a backup, since clients trust it")
        })
    }

    /// A certificate for these names, with the authority's behind it.
    fn certify(&self, names: &[String], now: Timestamp) -> Result<CertifiedKey> {
        let made = || -> Result<_, rcgen::Error> {
            let issuer = Issuer::new(authority_params(), KeyPair::from_pem(&self.key)?);
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name = named("jit serve");
            params.not_before = now.before(CLOCK_SKEW).to_offset();
            params.not_after = now.after(TTL).to_offset();
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.use_authority_key_identifier_extension = true;
            Ok((params.signed_by(&key, &issuer)?, key))
        };
        let (certificate, key) = made().map_err(|error| unmade(&error))?;
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        CertifiedKey::from_der(chain, private, &default_provider()).map_err(|error| unmade(&error))
    }
}

fn make(file: &Path, key_file: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let made = || -> Result<_, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = authority_params();
        // So that the names of two authorities' certificates are not taken for each other.
        params.serial_number = None;
        Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
    };
    let (certificate, key) = made().map_err(|error| unmade(&error))?;
    files::write_private(key_file, key.as_bytes())?;
    files::write_public(file, certificate.as_bytes())?;
    Ok((certificate.into_bytes(), key.into_bytes()))
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("jit serve CA");
    params.not_before = FROM;
    params.not_after = FOR_EVER;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

fn unmade(error: &(dyn Error + 'static)) -> Failure {
    Failure::failed("the server's certificate cannot be made")
        .because(error)
        .hint("check the clock of this machine, and url in server.toml")
}
