//! What a server gave, checked against what was asked: a credential goes into a tool's hands, so it is
//! for that, of that kind, for our key, and nothing in it is read as more than text.

use rustls::server::ParsedCertificate;
use secrecy::{ExposeSecret as _, SecretString};
use ssh_key::{
    Certificate,
    certificate::CertType,
    public::{Ed25519PublicKey, KeyData},
};

use crate::{
    domain::{
        credential::{Credential, Secret},
        elevation::Grant,
        entitlement::Entitlement,
        key::PublicKey,
        lease::CLOCK_SKEW,
        time::Timestamp,
    },
    platform::pem,
};

/// What was asked for: with which key, and when it is now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) entitlement: &'a Entitlement,
    pub(super) key: PublicKey,
    pub(super) now: Timestamp,
}

/// Nothing, or what is wrong with an answer.
type Checked = Result<(), &'static str>;

/// What must hold, each with what is wrong otherwise.
fn all(rules: &[(bool, &'static str)]) -> Checked {
    let broken = rules.iter().find(|(holds, _)| !holds);
    broken.map_or(Ok(()), |(_, what)| Err(what))
}

/// Whether a grant is the one that was asked for.
pub(super) fn grant(grant: &Grant, asked: &Asked<'_>) -> Checked {
    let is_short = |text: &String| text.chars().count() <= 200;
    all(&[
        (
            grant.entitlement == *asked.entitlement,
            "it grants something else than was asked for",
        ),
        (
            grant.granted_at <= asked.now.after(CLOCK_SKEW),
            "its grant is from the future; is this machine's clock right?",
        ),
        (
            asked.now < grant.expires_at,
            "its grant has ended already; is this machine's clock right?",
        ),
        (
            grant.policies.len() <= 1000 && grant.policies.iter().all(is_short),
            "its grant names too many policies",
        ),
    ])
}

/// Whether a credential is of the kind, for the role and for the key that were asked for.
pub(super) fn credential(credential: &Credential, asked: &Asked<'_>) -> Checked {
    let Entitlement { resource, role } = asked.entitlement;
    all(&[
        (
            credential.secret.kind() == resource.kind(),
            "its credential is of another kind than was asked for",
        ),
        (
            asked.now < credential.expires_at,
            "its credential has ended already; is this machine's clock right?",
        ),
        (
            is_word(&credential.serial, 256),
            "its credential's serial number is none",
        ),
    ])?;
    match &credential.secret {
        Secret::SshCertificate(line) => ssh(line, role.as_str(), asked.key),
        Secret::KubernetesToken(token) => all(&[(is_token(token), "its token is none")]),
        Secret::PostgresCertificate { role, certificate } => {
            all(&[(is_database_role(role), "its database role is none")])?;
            x509(certificate, asked.key)
        }
        Secret::PostgresRole { role, password } => {
            all(&[(is_database_role(role), "its database role is none")])?;
            all(&[(is_token(password), "its password is none")])
        }
        Secret::AwsSession {
            access_key_id,
            secret_access_key,
            session_token,
            account,
        } => {
            let is_account = |text: &String| text.len() == 12 && is_word(text, 12);
            all(&[(
                is_word(access_key_id, 128)
                    && is_token(secret_access_key)
                    && is_token(session_token)
                    && account.as_ref().is_none_or(is_account),
                "its AWS session is none",
            )])
        }
    }
}

/// A user certificate for our key, with exactly one principal.
fn ssh(line: &str, role: &str, key: PublicKey) -> Checked {
    const NONE: &str = "its SSH certificate is none";
    all(&[(
        line.len() <= 64 << 10 && !line.trim_end().contains('\n'),
        NONE,
    )])?;
    let certificate = Certificate::from_openssh(line).map_err(|_| NONE)?;
    let ours = KeyData::Ed25519(Ed25519PublicKey(key.0));
    all(&[(
        *certificate.public_key() == ours,
        "its SSH certificate is for another key",
    )])?;
    all(&[(
        certificate.cert_type() == CertType::User && certificate.valid_principals() == [role],
        "its SSH certificate is for another login",
    )])
}

/// One certificate for our key (RFC 8410: an Ed25519 key is the end of its `SubjectPublicKeyInfo`).
fn x509(text: &str, key: PublicKey) -> Checked {
    const NONE: &str = "its certificate is none";
    all(&[(text.len() <= 64 << 10 && text.is_ascii(), NONE)])?;
    all(&[(
        !text.contains("PRIVATE KEY"),
        "its certificate brings a key",
    )])?;
    let chain = pem::certificates(text.as_bytes()).ok_or(NONE)?;
    let own = chain.first().ok_or(NONE)?;
    let own = ParsedCertificate::try_from(own).map_err(|_| NONE)?;
    all(&[(
        own.subject_public_key_info().ends_with(&key.0),
        "its certificate is for another key",
    )])
}

/// Printable, without a space: what a header, a JSON text or a line of a file takes as it is.
fn is_token(secret: &SecretString) -> bool {
    let text = secret.expose_secret();
    (1..=64 << 10).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
}

fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-@:+/=".contains(c))
}

fn is_database_role(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.@$".contains(c))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::platform::keys;

    fn check(entitlement: &str, secret: Secret) -> Checked {
        let now = Timestamp::from_secs(1_800_000_000);
        let asked = Asked {
            entitlement: &entitlement.parse().unwrap(),
            key: keys::generate().unwrap().public(),
            now,
        };
        let given = Credential {
            serial: "1".to_owned(),
            expires_at: now.after(Duration::from_mins(1)),
            secret,
        };
        credential(&given, &asked)
    }

    #[test]
    fn a_credential_of_another_kind_is_refused() {
        let token = || Secret::KubernetesToken("token".into());
        assert_eq!(check("kubernetes/prod:view", token()), Ok(()));
        assert!(check("ssh/web:root", token()).is_err());
        let ssh = Secret::SshCertificate("ssh-ed25519-cert-v01@openssh.com AAAA".to_owned());
        assert!(check("ssh/web:root", ssh).is_err());
    }

    #[test]
    fn nothing_in_it_is_read_as_more_than_text() {
        for token in ["", "a b", "a\nb", "a\u{1b}[2J", "a\0b", "ä"] {
            let secret = Secret::KubernetesToken(token.into());
            assert!(check("kubernetes/prod:view", secret).is_err(), "{token:?}");
        }
        for role in ["", "a b", "a'b", "-a", "a\nhost=evil", "a;b"] {
            let secret = Secret::PostgresRole {
                role: role.to_owned(),
                password: "x".into(),
            };
            assert!(check("postgres/orders:read", secret).is_err(), "{role:?}");
        }
        let session = |id: &str, token: &str| Secret::AwsSession {
            access_key_id: id.to_owned(),
            secret_access_key: "s/+=".into(),
            session_token: token.into(),
            account: Some("123456789012".to_owned()),
        };
        assert_eq!(check("aws/prod:read", session("ASIA", "t")), Ok(()));
        assert!(check("aws/prod:read", session("ASIA\nregion = x", "t")).is_err());
        assert!(check("aws/prod:read", session("ASIA", "t\n[profile x]")).is_err());
    }
}
