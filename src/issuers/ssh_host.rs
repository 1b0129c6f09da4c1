//! Host certificates (OpenSSH's PROTOCOL.certkeys), by which ssh knows a host that it has never seen.
//!
//! Their authority is another key than the one of user certificates: whoever may vouch for hosts lets
//! nobody in.

use ssh_key::{
    HashAlg, PublicKey,
    certificate::{Builder, CertType, Certificate},
    public::KeyData,
};

use super::{
    order::Site,
    ssh::{RELOAD, public_line, seconds, signing_key},
};
use crate::{
    domain::{
        entitlement::ResourceName,
        failure::{Failure, Result},
        id::GrantId,
        key::PublicKey as Public,
        lease::CLOCK_SKEW,
        time::Timestamp,
    },
    platform::keys,
};

/// One certificate, asked for by who administers the host.
#[derive(Clone, Debug)]
pub struct HostOrder<'a> {
    /// The name of the event that explains it.
    pub id: &'a GrantId,
    /// The host's public key.
    pub key: &'a HostKey,
    /// The names and addresses that the host is reached by, each one host's.
    pub hosts: &'a [String],
    /// A number that no other certificate has.
    pub serial: u64,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A host's public key.
#[derive(Clone, Debug)]
pub struct HostKey(PublicKey);

impl HostKey {
    /// Reads a public key in OpenSSH's one-line form, as `/etc/ssh/ssh_host_ed25519_key.pub` has it.
    ///
    /// # Errors
    /// Usage, for anything else; what was given is not repeated, since it may be the private key.
    pub fn parse(text: &str) -> Result<Self> {
        let key = PublicKey::from_openssh(text.trim()).ok();
        key.filter(|key| matches!(key.key_data(), KeyData::Ed25519(_)))
            .map(Self)
            .ok_or_else(|| {
                Failure::usage("this is no public Ed25519 key of a host")
                    .hint("copy the host's /etc/ssh/ssh_host_ed25519_key.pub and name that file")
            })
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}

/// A certificate that says that the key is the one of these hosts; one line.
pub fn issue(order: &HostOrder<'_>, site: &Site<'_>) -> Result<String> {
    let authority = signing_key(site)?;
    let made = || -> ssh_key::Result<Certificate> {
        let nonce = keys::random::<32>().map_err(|_| ssh_key::Error::Crypto)?;
        let mut certificate = Builder::new(
            nonce,
            order.key.0.key_data().clone(),
            seconds(site.now.before(CLOCK_SKEW)),
            seconds(order.expires_at),
        )?;
        let label = format!("jit:{}", order.id);
        certificate
            .serial(order.serial)?
            .cert_type(CertType::Host)?
            .key_id(&label)?
            .comment(&label)?;
        for host in order.hosts {
            certificate.valid_principal(host)?;
        }
        certificate.sign(&authority)
    };
    made()
        .and_then(|certificate| certificate.to_openssh())
        .map_err(|error| {
            Failure::failed("the host certificate cannot be made")
                .because(&error)
                .hint("check the clock of this machine")
        })
}

/// An authority's public key, as a line of `known_hosts` wants it.
pub fn host_ca(name: &ResourceName, key: Public) -> Result<String> {
    public_line(name, key)
}

/// A shell script that lets sshd show the certificate, to be run as root on that host. `trusted` is
/// the line of `known_hosts` by which it is trusted.
pub fn script(
    name: &ResourceName,
    order: &HostOrder<'_>,
    certificate: &str,
    trusted: &str,
) -> String {
    let short = name.name();
    format!(
        "\
# {name}: makes sshd show a certificate for its host key {fingerprint}.
# Run it as root on that host and on no other: {hosts}
# The certificate ends at {end}; make another one before that.
#
# sshd must use that key, which it does unless a HostKey of its configuration says otherwise.
# Who uses jit trusts the certificate after \"jit setup ssh\", anybody else with this line in known_hosts:
# {trusted}
set -e
cat > /etc/ssh/jit-{short}-host-cert.pub <<'END'
{certificate}
END
chmod 644 /etc/ssh/jit-{short}-host-cert.pub
cat > /etc/ssh/sshd_config.d/jit-{short}-host.conf <<'END'
HostCertificate /etc/ssh/jit-{short}-host-cert.pub
END
sshd -t
{RELOAD}
",
        fingerprint = order.key.fingerprint(),
        hosts = order.hosts.join(", "),
        end = order.expires_at.to_rfc3339_seconds(),
        trusted = trusted.trim_end(),
        certificate = certificate.trim_end(),
    )
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::*;
    use crate::issuers::sample;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs root@web-1\n";

    #[test]
    fn a_certificate_names_its_hosts_and_lets_nobody_in() {
        let key = HostKey::parse(KEY).unwrap();
        let id = GrantId::new(sample::NOW, [7; 10]);
        let order = HostOrder {
            id: &id,
            key: &key,
            hosts: &["web-1.example.com".to_owned(), "10.0.0.7".to_owned()],
            serial: 7,
            expires_at: sample::NOW.after(Duration::from_hours(24)),
        };
        let line = issue(&order, &sample::site()).unwrap();
        let certificate = Certificate::from_openssh(&line).unwrap();
        assert_eq!(certificate.cert_type(), CertType::Host);
        assert_eq!(certificate.valid_principals(), order.hosts);
        assert!(certificate.extensions().is_empty());
        let script = script(
            &"ssh/web".parse().unwrap(),
            &order,
            &line,
            "@cert-authority web-1 KEY\n",
        );
        let checked = Command::new("sh").args(["-nc", &script]).status().unwrap();
        assert!(checked.success() && script.contains(&line), "{script}");
    }

    #[test]
    fn what_is_no_public_key_is_not_repeated() {
        for text in [
            "",
            "ssh-ed25519 AAAA",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7 x",
        ] {
            let failure = HostKey::parse(text).unwrap_err();
            assert!(!failure.to_string().contains("c2VjcmV0"), "{failure}");
        }
    }
}
