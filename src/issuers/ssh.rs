//! ssh: user certificates (OpenSSH's PROTOCOL.certkeys) for a key that was born on the client.
//!
//! sshd cannot be told that a certificate was revoked; it ends within minutes by itself.

use signature::{Error, Signer};
use ssh_key::{
    Algorithm, PublicKey, Signature, SigningKey,
    certificate::{Builder, CertType, Certificate},
    public::{Ed25519PublicKey, KeyData},
};

use super::order::{self, Order, Site};
use crate::{
    domain::{
        catalogue::SshResource,
        credential::{Credential, Secret},
        entitlement::{ResourceName, RoleName},
        failure::{Failure, Result},
        key,
        lease::CLOCK_SKEW,
        time::Timestamp,
    },
    platform::keys,
};

/// What a session may do beyond running a command: a terminal, and forwarding, without which no
/// `ProxyJump` goes through. Not the agent (whoever is root on the host could use it), not X11, not
/// `~/.ssh/rc`.
const EXTENSIONS: [&str; 2] = ["permit-port-forwarding", "permit-pty"];

/// A certificate for the login name that the role is, and for nothing else.
///
/// # Errors
/// The catalogue has no such role, or the site has no certificate authority for the resource.
pub fn issue(resource: &SshResource, order: &Order<'_>, site: &Site<'_>) -> Result<Credential> {
    order::role_of(&resource.roles, order.grant)?;
    let authority = signing_key(site)?;
    let certificate = sign(order, &authority)
        .and_then(|certificate| certificate.to_openssh())
        .map_err(|error| {
            Failure::failed("the SSH certificate cannot be made")
                .because(&error)
                .hint("check the clock of this machine")
        })?;
    Ok(Credential {
        serial: order.serial.to_string(),
        expires_at: order.expires_at(),
        secret: Secret::SshCertificate(certificate),
    })
}

fn sign(order: &Order<'_>, authority: &Signing<'_>) -> ssh_key::Result<Certificate> {
    let nonce = keys::random::<32>().map_err(|_| ssh_key::Error::Crypto)?;
    let mut certificate = Builder::new(
        nonce,
        KeyData::Ed25519(Ed25519PublicKey(order.public_key.0)),
        seconds(order.now.before(CLOCK_SKEW)),
        seconds(order.expires_at()),
    )?;
    certificate
        .serial(order.serial)?
        .cert_type(CertType::User)?
        .key_id(order.label())?
        .valid_principal(order.grant.entitlement.role.as_str())?
        .comment(order.label())?;
    for extension in EXTENSIONS {
        certificate.extension(extension, "")?;
    }
    certificate.sign(authority)
}

pub(super) fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.secs()).unwrap_or(0)
}

/// A site's certificate authority. It signs by aws-lc, several times as fast as the library's own way.
pub(super) struct Signing<'a>(&'a key::PrivateKey);

pub(super) fn signing_key<'a>(site: &'a Site<'_>) -> Result<Signing<'a>> {
    site.signing_key().map(Signing)
}

impl Signer<Signature> for Signing<'_> {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, Error> {
        let signed = keys::sign(self.0, message).map_err(Error::from_source)?;
        Ok(Signature::new(Algorithm::Ed25519, signed)?)
    }
}

impl SigningKey for Signing<'_> {
    fn public_key(&self) -> KeyData {
        KeyData::Ed25519(Ed25519PublicKey(self.0.public().0))
    }
}

/// A shell script that lets the resource's certificates in, to be run as root on each of its hosts.
pub fn trust(name: &ResourceName, resource: &SshResource, site: &Site<'_>) -> Result<String> {
    let line = trust_ca(name, site)?;
    let short = name.name();
    let logins: Vec<&str> = resource.roles.keys().map(RoleName::as_str).collect();
    Ok(format!(
        "\
# {name}: makes sshd accept the certificates of this authority.
# Run it as root on each host, for example: jit trust {name} | ssh root@HOST sh
#
# A certificate names one login, a user that the host must have: {logins}
# sshd reads only the first TrustedUserCAKeys that it finds. Where \"sshd -T | grep -i trusteduserca\"
# names a file already, add the key to that file instead. Where an AuthorizedPrincipalsFile is set,
# it must list the login.
set -e
cat > /etc/ssh/jit-{short}.pub <<'END'
{line}END
chmod 644 /etc/ssh/jit-{short}.pub
cat > /etc/ssh/sshd_config.d/jit-{short}.conf <<'END'
TrustedUserCAKeys /etc/ssh/jit-{short}.pub
END
sshd -t
{RELOAD}
",
        logins = logins.join(", "),
    ))
}

/// Has sshd read its configuration anew, with systemd and without. Where none runs, that is no failure.
pub(super) const RELOAD: &str = "\
systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null ||
    service ssh reload 2>/dev/null || service sshd reload 2>/dev/null ||
    kill -HUP \"$(cat /run/sshd.pid 2>/dev/null)\" 2>/dev/null ||
    echo 'no sshd was reloaded: restart it, so that it reads this' >&2";

/// The authority's public key in OpenSSH's one-line form, as `TrustedUserCAKeys` wants it.
/// Where another key is about to sign, or did until now, it is trusted too.
pub fn trust_ca(name: &ResourceName, site: &Site<'_>) -> Result<String> {
    let keys = [site.signing_key()?].into_iter().chain(site.also);
    keys.map(|key| public_line(name, key.public())).collect()
}

/// A public key in OpenSSH's one-line form.
pub(super) fn public_line(name: &ResourceName, key: key::PublicKey) -> Result<String> {
    let key::PublicKey(bytes) = key;
    let key = PublicKey::new(
        KeyData::Ed25519(Ed25519PublicKey(bytes)),
        format!("jit {name}"),
    );
    let line = key.to_openssh().map_err(|error| {
        Failure::failed("the certificate authority's key cannot be written").because(&error)
    })?;
    Ok(format!("{}\n", line.trim_end()))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, process::Command};

    use ssh_key::HashAlg;

    use super::*;
    use crate::issuers::sample;

    fn resource() -> SshResource {
        toml::from_str("hosts = [\"web-1\"]\nroles.deploy = {}\nroles.root = {}\n").unwrap()
    }

    fn name() -> ResourceName {
        "ssh/web".parse().unwrap()
    }

    fn issued() -> (Credential, String) {
        let grant = sample::grant("ssh/web:deploy");
        let credential = issue(&resource(), &sample::order(&grant), &sample::site()).unwrap();
        let Secret::SshCertificate(line) = credential.secret.clone() else {
            panic!("{credential:?}");
        };
        (credential, line)
    }

    #[test]
    fn a_certificate_says_one_login_few_minutes_and_little_else() {
        let (credential, line) = issued();
        let certificate = Certificate::from_openssh(&line).unwrap();
        let site = sample::site();
        let authority = signing_key(&site).unwrap().public_key();
        let fingerprint = authority.fingerprint(HashAlg::Sha256);
        let now = u64::try_from(sample::NOW.secs()).unwrap();
        certificate.validate_at(now, [&fingerprint]).unwrap();
        assert_eq!(certificate.cert_type(), CertType::User);
        assert_eq!(certificate.valid_principals(), ["deploy"]);
        assert_eq!(certificate.serial().to_string(), credential.serial);
        assert_eq!(certificate.valid_after(), now - 60);
        assert_eq!(certificate.valid_before(), now + 600);
        assert!(certificate.critical_options().is_empty());
        let extensions: Vec<&String> = certificate.extensions().keys().collect();
        assert_eq!(extensions, EXTENSIONS.iter().collect::<Vec<_>>());
        assert_eq!(
            certificate.key_id(),
            "jit:01mcc5rm000w3ge1r70w3ge1r7:alice@example.com"
        );
    }

    #[test]
    fn ssh_keygen_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("id-cert.pub");
        fs::File::create(&file)
            .and_then(|mut file| file.write_all(issued().1.as_bytes()))
            .unwrap();
        let Ok(output) = Command::new("ssh-keygen").arg("-Lf").arg(&file).output() else {
            return;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Serial: 4815162342"), "{text}");
        assert!(text.contains("Critical Options: (none)"), "{text}");
    }

    #[test]
    fn a_role_that_the_catalogue_does_not_know_gets_nothing() {
        let grant = sample::grant("ssh/web:admin");
        let failure = issue(&resource(), &sample::order(&grant), &sample::site()).unwrap_err();
        assert_eq!(failure.message, "ssh/web has no role \"admin\"");
        assert_eq!(failure.hint, "its roles in authority.toml are deploy, root");
    }

    #[test]
    fn a_clock_before_the_epoch_is_an_error_or_harmless() {
        let mut grant = sample::grant("ssh/web:deploy");
        grant.expires_at = Timestamp::from_secs(-5);
        let mut order = sample::order(&grant);
        order.now = Timestamp::from_millis(i64::MIN);
        drop(issue(&resource(), &order, &sample::site()));
    }

    #[test]
    fn trust_is_a_script_that_a_shell_accepts() {
        let script = trust(&name(), &resource(), &sample::site()).unwrap();
        let checked = Command::new("sh").args(["-nc", &script]).status().unwrap();
        assert!(checked.success());
        insta::assert_snapshot!(script, @r#"
            # ssh/web: makes sshd accept the certificates of this authority.
            # Run it as root on each host, for example: jit trust ssh/web | ssh root@HOST sh
            #
            # A certificate names one login, a user that the host must have: deploy, root
            # sshd reads only the first TrustedUserCAKeys that it finds. Where "sshd -T | grep -i trusteduserca"
            # names a file already, add the key to that file instead. Where an AuthorizedPrincipalsFile is set,
            # it must list the login.
            set -e
            cat > /etc/ssh/jit-web.pub <<'END'
            ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs jit ssh/web
            END
            chmod 644 /etc/ssh/jit-web.pub
            cat > /etc/ssh/sshd_config.d/jit-web.conf <<'END'
            TrustedUserCAKeys /etc/ssh/jit-web.pub
            END
            sshd -t
            systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null ||
                service ssh reload 2>/dev/null || service sshd reload 2>/dev/null ||
                kill -HUP "$(cat /run/sshd.pid 2>/dev/null)" 2>/dev/null ||
                echo 'no sshd was reloaded: restart it, so that it reads this' >&2
            "#);
    }
}
