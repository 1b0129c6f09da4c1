//! What libpq reads a credential from: a client certificate with its key, or a password file.

use std::{collections::BTreeSet, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use crate::domain::{
    credential::Secret,
    failure::{Failure, Result},
    key::PrivateKey,
};

/// The start of an Ed25519 key in PKCS#8 (RFC 8410, section 7); its 32-byte seed follows.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A credential, as libpq takes it.
#[derive(Debug)]
pub enum Login<'a> {
    /// A certificate and its key, one PEM text for `PGSSLCERT` and `PGSSLKEY` alike, so that the two
    /// can never be of different leases.
    Certificate {
        /// The database role.
        role: &'a str,
        /// Certificate and key.
        pem: Zeroizing<String>,
    },
    /// A role made for the grant.
    Password {
        /// The database role.
        role: &'a str,
        /// A `.pgpass` file (libpq, 34.16) with a line for each server, so that libpq sends the password
        /// to no other one that the tool connects to.
        lines: Zeroizing<String>,
    },
}

impl<'a> Login<'a> {
    /// The login of a credential and its key at these servers, each a host and a port.
    pub fn of<'s>(
        secret: &'a Secret,
        key: &PrivateKey,
        servers: impl IntoIterator<Item = (&'s str, u16)>,
    ) -> Result<Self> {
        match secret {
            Secret::PostgresCertificate { role, certificate } => Ok(Self::Certificate {
                role,
                pem: Zeroizing::new(format!("{}\n{}", certificate.trim_end(), *pem(key))),
            }),
            Secret::PostgresRole { role, password } => {
                let password = escaped(password.expose_secret())?;
                let login = Zeroizing::new(format!("*:{}:{}\n", *escaped(role)?, *password));
                let mut lines = Zeroizing::new(String::new());
                for (host, port) in spellings(servers) {
                    let _ = write!(lines, "{}:{port}:{}", *escaped(host)?, *login);
                }
                Ok(Self::Password { role, lines })
            }
            Secret::SshCertificate(_) | Secret::KubernetesToken(_) | Secret::AwsSession { .. } => {
                Err(
                    Failure::failed("the lease holds no credential for PostgreSQL")
                        .hint("drop it with \"jit forget --all\", then try again"),
                )
            }
        }
    }

    /// The database role that it logs in as.
    pub const fn role(&self) -> &'a str {
        match self {
            Self::Certificate { role, .. } | Self::Password { role, .. } => role,
        }
    }
}

/// The directories of sockets that libpq is built with; for a server there it looks up `localhost`.
const SOCKETS: [&str; 3] = ["/run/postgresql", "/var/run/postgresql", "/tmp"];

/// The servers as libpq looks them up, each once.
fn spellings<'s>(servers: impl IntoIterator<Item = (&'s str, u16)>) -> BTreeSet<(&'s str, u16)> {
    let of_one = |(host, port)| {
        let looked_up = if SOCKETS.contains(&host) {
            "localhost"
        } else {
            host
        };
        [(host, port), (looked_up, port)]
    };
    servers.into_iter().flat_map(of_one).collect()
}

fn pem(key: &PrivateKey) -> Zeroizing<String> {
    let der = Zeroizing::new([&PKCS8, key.expose_seed()].concat());
    let body = Zeroizing::new(STANDARD.encode(&*der));
    let mut text = Zeroizing::new(String::with_capacity(128));
    let _ = write!(
        text,
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        *body
    );
    text
}

/// A field of `.pgpass`.
fn escaped(field: &str) -> Result<Zeroizing<String>> {
    if field.contains(['\n', '\r', '\0']) {
        return Err(Failure::failed(
            "the issued role or password cannot be written into a password file",
        )
        .hint("revoke the grant and ask again"));
    }
    Ok(Zeroizing::new(
        field.replace('\\', "\\\\").replace(':', "\\:"),
    ))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::platform::keys;

    #[test]
    fn a_password_file_holds_one_line_for_each_server_whatever_the_role() {
        let key = keys::generate().unwrap();
        let of = |role: &str, password: &str| {
            let secret = Secret::PostgresRole {
                role: role.to_owned(),
                password: SecretString::from(password),
            };
            let servers = [("db", 5432), ("::1", 5433), ("/tmp", 1), ("db", 5432)];
            match Login::of(&secret, &key, servers) {
                Ok(Login::Password { lines, .. }) => Some(lines.to_string()),
                _ => None,
            }
        };
        let login = r"*:a\:b\\:p\:w";
        assert_eq!(
            of(r"a:b\", "p:w").unwrap(),
            format!("/tmp:1:{login}\n\\:\\:1:5433:{login}\ndb:5432:{login}\nlocalhost:1:{login}\n")
        );
        assert!(of("a", "p\n*:*:*:postgres:x").is_none());
    }
}
