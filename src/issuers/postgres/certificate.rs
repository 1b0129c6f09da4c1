//! X.509 client certificates (RFC 5280) for a key that was born on the client.
//!
//! The common name is the database role, as PostgreSQL's `cert` method wants it. Grant and principal
//! stand behind it, and whom the principal acts for, so that the server's log (`log_connections`) names
//! them: `connection authenticated: identity="UID=agent/helper:alice,OU=jit:GRANT,CN=orders_ro"`.

use aws_lc_rs::signature::Ed25519KeyPair;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SerialNumber, SignatureAlgorithm,
    SigningKey,
};
use time::{OffsetDateTime, macros::datetime};

use super::names;
use crate::{
    domain::{
        catalogue::PostgresResource,
        credential::{Credential, Secret},
        entitlement::ResourceName,
        failure::{Failure, Result},
        key::{PrivateKey, PublicKey},
        lease::CLOCK_SKEW,
    },
    issuers::order::{Order, Site, role_of},
};

/// The authority's certificate is the same in every process and for ever: only the key matters, and
/// replacing it is a matter of a new key. RFC 5280, 4.1.2.5 has this date for "no end".
const FROM: OffsetDateTime = datetime!(2020-01-01 00:00:00 UTC);
const FOR_EVER: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);
/// `userId` (RFC 4519, 2.39).
const USER_ID: [u64; 7] = [0, 9, 2342, 19_200_300, 100, 1, 1];

/// A certificate for the database role.
pub(super) fn issue(
    resource: &PostgresResource,
    order: &Order<'_>,
    site: &Site<'_>,
) -> Result<Credential> {
    let role = names::checked(&role_of(&resource.roles, order.grant)?.role)?;
    let signer = Signer::new(site.signing_key()?)?;
    let issuer = Issuer::new(authority_params(&order.grant.entitlement.resource), signer);
    let certificate = params(role, order)
        .signed_by(&Subject(order.public_key), &issuer)
        .map_err(|error| unmade(&error))?;
    Ok(Credential {
        serial: order.serial.to_string(),
        expires_at: order.expires_at(),
        secret: Secret::PostgresCertificate {
            role: role.to_owned(),
            certificate: certificate.pem(),
        },
    })
}

fn params(role: &str, order: &Order<'_>) -> CertificateParams {
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    *name = rcgen::DistinguishedName::new();
    name.push(DnType::CommonName, role);
    name.push(
        DnType::OrganizationalUnitName,
        format!("jit:{}", order.grant.id),
    );
    name.push(DnType::CustomDnType(USER_ID.to_vec()), order.line());
    params.serial_number = Some(SerialNumber::from(order.serial));
    params.not_before = order.now.before(CLOCK_SKEW).to_offset();
    params.not_after = order.expires_at().to_offset();
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// The authority's own certificate, PEM: the same bytes in every process that holds its key. Where
/// another key is about to sign, or did until now, it has one too.
pub(super) fn authority(name: &ResourceName, site: &Site<'_>) -> Result<String> {
    let keys = [site.signing_key()?].into_iter().chain(site.also);
    keys.map(|key| own_certificate(name, key)).collect()
}

fn own_certificate(name: &ResourceName, key: &PrivateKey) -> Result<String> {
    let signer = Signer::new(key)?;
    authority_params(name)
        .self_signed(&signer)
        .map(|certificate: Certificate| certificate.pem())
        .map_err(|error| unmade(&error))
}

fn authority_params(name: &ResourceName) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("jit {name} CA"));
    params.not_before = FROM;
    params.not_after = FOR_EVER;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn unmade(error: &rcgen::Error) -> Failure {
    Failure::failed("the client certificate cannot be made")
        .because(error)
        .hint("check the clock of this machine")
}

/// The certificate authority's key, as rcgen asks for it.
struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl Signer {
    fn new(key: &PrivateKey) -> Result<Self> {
        let public = key.public();
        let pair = Ed25519KeyPair::from_seed_and_public_key(key.expose_seed(), &public.0)
            .map_err(|_| Failure::failed("the certificate authority's key is not Ed25519"))?;
        Ok(Self { pair, public })
    }
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        &self.public.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.pair.try_sign(message);
        let signature = signature.map_err(|_| rcgen::Error::RingUnspecified)?;
        Ok(signature.as_ref().to_vec())
    }
}

/// The client's public key.
struct Subject(PublicKey);

impl PublicKeyData for Subject {
    fn der_bytes(&self) -> &[u8] {
        &self.0.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuers::sample;

    fn resource(role: &str) -> PostgresResource {
        let text =
            format!("hosts = [\"db\"]\nissuer = \"certificate\"\nroles.read.role = {role:?}\n");
        toml::from_str(&text).unwrap()
    }

    /// PostgreSQL's administrator copies these bytes once: they must not change with a version of
    /// anything.
    #[test]
    fn the_authority_is_the_same_in_every_process() {
        let name = "postgres/orders".parse().unwrap();
        insta::assert_snapshot!(authority(&name, &sample::site()).unwrap(), @r#"
            -----BEGIN CERTIFICATE-----
            MIIBSjCB/aADAgECAhR+gSwS86tM5qxdtprDUvkGyxsR7zAFBgMrZXAwITEfMB0G
            A1UEAwwWaml0IHBvc3RncmVzL29yZGVycyBDQTAgFw0yMDAxMDEwMDAwMDBaGA85
            OTk5MTIzMTIzNTk1OVowITEfMB0GA1UEAwwWaml0IHBvc3RncmVzL29yZGVycyBD
            QTAqMAUGAytlcAMhAOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIso0Uw
            QzAOBgNVHQ8BAf8EBAMCAgQwHQYDVR0OBBYEFDJL4t6ovERGGwIz5R+kiQLtaxzG
            MBIGA1UdEwEB/wQIMAYBAf8CAQAwBQYDK2VwA0EArUjsYWLgX3alFqg/HRLhopm0
            Ykyd0j6GBtqN/EL+cGNQq42q+jHeREFgnS/6ndo9CxJee0V5zADU8WWhToWyDQ==
            -----END CERTIFICATE-----
            "#);
    }

    #[test]
    fn a_certificate_is_for_the_database_role() {
        let grant = sample::grant("postgres/orders:read");
        let order = sample::order(&grant);
        let credential = issue(&resource("orders_ro"), &order, &sample::site()).unwrap();
        assert_eq!(credential.serial, "4815162342");
        let Secret::PostgresCertificate { role, certificate } = credential.secret else {
            panic!("another secret");
        };
        assert_eq!(role, "orders_ro");
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    }

    #[test]
    fn a_hostile_role_is_refused() {
        let grant = sample::grant("postgres/orders:read");
        for role in ["", "a\0b", &"x".repeat(64)] {
            let mut resource = resource("orders_ro");
            for held in resource.roles.values_mut() {
                role.clone_into(&mut held.role);
            }
            let issued = issue(&resource, &sample::order(&grant), &sample::site());
            assert!(issued.is_err(), "{role:?}");
        }
    }
}
