//! TLS to a server that is known by named certificates: those of its authorities, or its very own.

use std::{error, slice, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use crate::domain::{
    failure::{Failure, Result},
    time::Timestamp,
};

/// A client's certificates, its own first, and its key.
pub type ClientIdentity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Whether the certificate must be made out to the name under which the server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameCheck {
    /// It must (`verify-full`).
    Required,
    /// It need not (`verify-ca` of libpq).
    Omitted,
}

/// A configuration for servers that one of these certificates vouches for, or that show one of them as
/// their own.
///
/// # Errors
/// There is no certificate, or one of them cannot vouch for anything.
pub fn trusting(named: &[CertificateDer<'static>]) -> Result<ClientConfig> {
    trusting_as(named, NameCheck::Required, None)
}

/// As [`trusting`], for a client that shows a certificate of its own.
///
/// # Errors
/// As [`trusting`]; or the key does not belong to the client's certificate.
pub fn trusting_as(
    named: &[CertificateDer<'static>],
    name_check: NameCheck,
    client: Option<ClientIdentity>,
) -> Result<ClientConfig> {
    let verifier = Verifier::new(named, name_check)?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match client {
        Some((certificates, key)) => config
            .with_client_auth_cert(certificates, key)
            .map_err(|error| unusable(&error)),
        None => Ok(config.with_no_client_auth()),
    }
}

fn unusable(error: &(dyn error::Error + 'static)) -> Failure {
    Failure::failed("the certificate cannot vouch for a server").because(error)
}

/// Whether a certificate was refused only for being its own authority, which webpki allows no server.
/// Named as the one to trust, it is accepted.
pub fn is_its_own_authority(error: &CertificateError) -> bool {
    // webpki is no dependency of this crate, so that its error is known by its words.
    matches!(error, CertificateError::Other(other) if other.to_string() == "CaUsedAsEndEntity")
}

/// Why clients refuse a server's own certificate, the first of `chain`, at `at`, even where they trust its
/// authority: its dates, its names or its use. `None` where they take it.
pub fn refused_by_clients(
    chain: &[CertificateDer<'static>],
    host: &str,
    at: Timestamp,
) -> Option<String> {
    let (own, others) = chain.split_first()?;
    let Ok(name) = ServerName::try_from(host) else {
        return Some(format!("{host} is no name of a server"));
    };
    let verifier = Verifier::new(slice::from_ref(own), NameCheck::Required).ok()?;
    let at = UnixTime::since_unix_epoch(at.left(Timestamp::from_secs(0)));
    match verifier.verify_server_cert(own, others, &name, &[], at) {
        Ok(_) => None,
        Err(Error::InvalidCertificate(why)) => Some(in_words(&why, host)),
        Err(error) => Some(error.to_string()),
    }
}

fn in_words(why: &CertificateError, host: &str) -> String {
    let at = |time: &UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_secs(seconds).to_rfc3339_seconds()
    };
    if let CertificateError::ExpiredContext { not_after, .. } = why {
        return format!("it ends at {}", at(not_after));
    }
    if let CertificateError::NotValidYetContext { not_before, .. } = why {
        return format!("it begins at {}", at(not_before));
    }
    if is_of_name(why) {
        return format!("it is not made out to {host}");
    }
    why.to_string()
}

/// Verifies a chain as webpki does, and accepts a named certificate as the server's own too. PostgreSQL's
/// manual makes such a one (`openssl req -new -x509`): self-signed, and thereby its own authority.
#[derive(Debug)]
struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
    name_check: NameCheck,
}

impl Verifier {
    fn new(named: &[CertificateDer<'static>], name_check: NameCheck) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in named {
            roots
                .add(certificate.clone())
                .map_err(|error| unusable(&error))?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| unusable(&error))?;
        Ok(Self {
            authorities,
            named: named.to_vec(),
            name_check,
        })
    }

    /// Decides about a certificate that webpki refused for `why`. The one that is named, byte for byte, needs
    /// no authority: only who holds its key completes the handshake. That it has expired, is not for servers
    /// or is made out to another name still counts.
    fn despite(
        &self,
        why: CertificateError,
        own: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<(), Error> {
        let is_named = self.named.contains(own);
        // webpki compares the dates before these, and the names after them.
        if is_named && is_of_authority(&why) {
            return self.check_name(own, name);
        }
        let is_omitted = self.name_check == NameCheck::Omitted;
        if is_of_name(&why) && (is_omitted || (is_named && is_nameless(&why))) {
            return Ok(());
        }
        Err(Error::InvalidCertificate(why))
    }

    fn check_name(&self, own: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
        if self.name_check == NameCheck::Omitted {
            return Ok(());
        }
        match verify_server_name(&ParsedCertificate::try_from(own)?, name) {
            Err(Error::InvalidCertificate(why)) if is_nameless(&why) => Ok(()),
            checked => checked,
        }
    }
}

/// Whether a certificate was refused for who vouches for it alone. Its signature is bad where an authority
/// of its issuer's name, and not its issuer, is named too.
fn is_of_authority(why: &CertificateError) -> bool {
    let is_unknown = matches!(
        why,
        CertificateError::UnknownIssuer | CertificateError::BadSignature
    );
    is_unknown || is_its_own_authority(why)
}

const fn is_of_name(why: &CertificateError) -> bool {
    matches!(
        why,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    )
}

/// Whether a certificate has no name in the form of today (a subject alternative name), as `openssl req
/// -x509 -subj /CN=…` makes it. Nothing in it contradicts the name, and the certificate itself is known.
fn is_nameless(why: &CertificateError) -> bool {
    matches!(why, CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self
            .authorities
            .verify_server_cert(own, others, name, ocsp, now);
        match verified {
            Err(Error::InvalidCertificate(why)) => self
                .despite(why, own, name)
                .map(|()| ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose,
        IsCa, KeyPair, date_time_ymd,
    };

    use super::*;

    /// The parameters of a certificate with these names, as `openssl req -x509` makes it: an authority.
    fn params(names: &[&str]) -> CertificateParams {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "db.internal");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = params(names);
        change(&mut params);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        made.der().to_vec()
    }

    fn verified_by(name_check: NameCheck, own: &[u8], named: &[&[u8]]) -> Result<(), Error> {
        let named: Vec<CertificateDer<'static>> = named
            .iter()
            .map(|one| CertificateDer::from(one.to_vec()))
            .collect();
        let verifier = Verifier::new(&named, name_check).unwrap();
        let now = UnixTime::since_unix_epoch(
            Timestamp::from_secs(1_800_000_000).left(Timestamp::from_secs(0)),
        );
        let name = ServerName::try_from("db.internal").unwrap();
        let own = CertificateDer::from(own);
        verifier
            .verify_server_cert(&own, &[], &name, &[], now)
            .map(drop)
    }

    fn verified(own: &[u8], named: &[&[u8]]) -> Result<(), Error> {
        verified_by(NameCheck::Required, own, named)
    }

    /// A server's certificate that an authority signed, without that authority.
    fn issued(name: &str, not_after: i32) -> Vec<u8> {
        let authority = CertifiedIssuer::self_signed(params(&[]), KeyPair::generate().unwrap());
        let mut params = params(&[name]);
        params.is_ca = IsCa::ExplicitNoCa;
        params.not_after = date_time_ymd(not_after, 1, 1);
        params
            .distinguished_name
            .push(DnType::CommonName, "a server");
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &authority.unwrap()).unwrap();
        made.der().to_vec()
    }

    #[test]
    fn the_very_certificate_that_is_named_is_accepted() {
        let named = self_signed(&["db.internal"], |_| {});
        let nameless = self_signed(&[], |_| {});
        let plain = self_signed(&["db.internal"], |params| params.is_ca = IsCa::NoCa);
        let plain_and_nameless = self_signed(&[], |params| params.is_ca = IsCa::NoCa);
        let issued = issued("db.internal", 2100);
        for own in [&named, &nameless, &plain, &plain_and_nameless, &issued] {
            verified(own, &[own]).unwrap();
            verified(own, &[&self_signed(&[], |_| {}), own]).unwrap();
        }
    }

    #[test]
    fn a_named_certificate_of_another_key_name_time_or_use_is_refused() {
        let named = self_signed(&["db.internal"], |_| {});
        let same_names = self_signed(&["db.internal"], |_| {});
        assert!(verified(&same_names, &[&named]).is_err());
        assert!(verified(&issued("db.internal", 2100), &[&named]).is_err());
        for own in [
            self_signed(&["other.internal"], |_| {}),
            issued("other.internal", 2100),
            issued("db.internal", 2020),
            self_signed(&["db.internal"], |params| {
                params.not_after = date_time_ymd(2020, 1, 1);
            }),
            self_signed(&[], |params| {
                params.not_before = date_time_ymd(2100, 1, 1);
            }),
            self_signed(&["db.internal"], |params| {
                params.is_ca = IsCa::NoCa;
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
            }),
        ] {
            assert!(verified(&own, &[&own]).is_err());
        }
    }

    #[test]
    fn without_the_check_of_names_everything_else_is_still_checked() {
        let other = self_signed(&["other.internal"], |_| {});
        let expired = self_signed(&["other.internal"], |params| {
            params.not_after = date_time_ymd(2020, 1, 1);
        });
        let omitted = |own: &[u8], named: &[u8]| verified_by(NameCheck::Omitted, own, &[named]);
        omitted(&other, &other).unwrap();
        assert!(omitted(&expired, &expired).is_err());
        assert!(omitted(&other, &expired).is_err());
    }
}
