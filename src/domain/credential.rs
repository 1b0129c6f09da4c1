//! The ephemeral secret that a tool accepts, and the token that proves its grant.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{entitlement::Kind, time::Timestamp};

/// What an issuer made: what the tool is given, until when it works, and the name under which the
/// ledger and the target's own log know it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credential {
    /// A certificate's serial number, a token's `jti`, a database role, an access key id: never secret.
    pub serial: String,
    /// When the target stops accepting it.
    pub expires_at: Timestamp,
    /// What the tool is given.
    pub secret: Secret,
}

/// What a tool is given, per kind. Certificates go with the private key that was born on the client
/// and is not in here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// A user certificate in OpenSSH's one-line form (PROTOCOL.certkeys).
    SshCertificate(String),
    /// A bearer token for the API server, and the certificate authority to trust, if named.
    KubernetesToken(#[serde(with = "exposed")] SecretString),
    /// A client certificate in PEM; its key is the client's.
    PostgresCertificate {
        /// The database role that the certificate is mapped to.
        role: String,
        /// The certificate, PEM.
        certificate: String,
    },
    /// A role that was made for this grant.
    PostgresRole {
        /// Its name.
        role: String,
        /// Its password: 128 random bits or more.
        #[serde(with = "exposed")]
        password: SecretString,
    },
    /// Session credentials from STS.
    AwsSession {
        /// `AWS_ACCESS_KEY_ID`.
        access_key_id: String,
        /// `AWS_SECRET_ACCESS_KEY`.
        #[serde(with = "exposed")]
        secret_access_key: SecretString,
        /// `AWS_SESSION_TOKEN`.
        #[serde(with = "exposed")]
        session_token: SecretString,
        /// The account that it is for; absent in leases of versions that did not keep it.
        account: Option<String>,
    },
}

impl Secret {
    /// The kind of resource that accepts it.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::SshCertificate(_) => Kind::Ssh,
            Self::KubernetesToken(_) => Kind::Kubernetes,
            Self::PostgresCertificate { .. } | Self::PostgresRole { .. } => Kind::Postgres,
            Self::AwsSession { .. } => Kind::Aws,
        }
    }
}

/// The signed, key-bound proof of a grant (a JWT, RFC 7519, with `cnf`, RFC 7800).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Token(#[serde(with = "exposed")] pub SecretString);

/// Writes a secret as text; used only by types that are sealed at once.
pub(crate) mod exposed {
    use secrecy::{ExposeSecret as _, SecretString};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        secret: &SecretString,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose_secret())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SecretString, D::Error> {
        String::deserialize(deserializer).map(SecretString::from)
    }
}
